//! Images in: one format a file. What a file holds is found by its content and name.
