"""Training of Exemplar's bundled in-context nets: data, nets, training, evaluation, export."""

SCHEMA = 1
