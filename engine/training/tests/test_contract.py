"""Truths of the input contract and of the net that need no reference: `python -m unittest`."""

import random
import unittest

import numpy as np
import torch

from exemplar_training import episodes, marks
from exemplar_training.grid import fit, scale_intensity, unfit
from exemplar_training.net import InContextUnet, config_tiny, position_features


class Grid(unittest.TestCase):
    """Fit and back."""

    def test_same_grid_is_left_alone(self):
        volume = np.random.default_rng(0).random((16, 16, 16)).astype(np.float32)
        np.testing.assert_allclose(fit(volume, (1, 1, 1), 3, 16), volume, atol=1e-6)

    def test_margins_are_zero_and_the_middle_is_not(self):
        fitted = fit(np.ones((8, 16, 16)), (1, 1, 1), 3, 16)
        self.assertEqual(fitted[:4].max(), 0)
        np.testing.assert_allclose(fitted[4:12], 1, atol=1e-6)

    def test_spacing_counts_in_mm(self):
        fitted = fit(np.ones((4, 16, 16)), (4, 1, 1), 3, 16)
        np.testing.assert_allclose(fitted, 1, atol=1e-6)

    def test_there_and_back_keeps_a_ball(self):
        z, y, x = np.ogrid[-1:1:30j, -1:1:40j, -1:1:50j]
        ball = z**2 + y**2 + x**2 < 0.4
        back = unfit(fit(ball, (1, 1, 1), 3, 64), ball.shape, (1, 1, 1), 3) >= 0.5
        self.assertGreater(2 * (back & ball).sum() / (back.sum() + ball.sum()), 0.98)

    def test_intensity_survives_what_is_not_a_number(self):
        image = np.array([0.0, 1.0, np.nan, np.inf, 2.0])
        scaled = scale_intensity(image)
        self.assertTrue(np.isfinite(scaled).all())
        self.assertEqual(scaled[2], 0)


class Marks(unittest.TestCase):
    """The simulated user stays true to the mask."""

    def setUp(self):
        random.seed(0)
        np.random.seed(0)
        self.soft = np.zeros((24, 24, 24), np.float32)
        self.soft[6:16, 8:20, 4:14] = 1

    def test_a_doodle_stays_inside(self):
        channels = marks.simulate(self.soft, "doodle", 3)
        self.assertGreater(channels[marks.POSITIVE].sum(), 0)
        self.assertEqual((channels[marks.POSITIVE] * (self.soft == 0)).sum(), 0)

    def test_boxes_lie_on_the_slices_asked_for(self):
        channels = marks.simulate(self.soft, "box", 3, slices=2, axis=1, evenly=True)
        self.assertEqual((channels[marks.BOX].sum((0, 2)) > 0).sum(), 2)

    def test_a_correction_hits_the_largest_error(self):
        channels = marks.empty(self.soft.shape)
        guess = self.soft.copy()
        guess[6:16, 8:20, 4:9] = 0
        self.assertTrue(marks.correct(channels, guess, self.soft > 0.5, 3))
        z, y, x = np.unravel_index(channels[marks.POSITIVE].argmax(), self.soft.shape)
        self.assertTrue(6 <= z < 16 and 8 <= y < 20 and 4 <= x < 9)
        self.assertFalse(marks.correct(channels, self.soft, self.soft > 0.5, 3))


class Net(unittest.TestCase):
    """Symmetries of the net."""

    def setUp(self):
        torch.manual_seed(0)
        self.net = InContextUnet(config_tiny(3)).eval()
        self.target = torch.rand(1, 6, 16, 16, 16)
        self.contexts = torch.rand(1, 3, 6, 16, 16, 16)

    def test_the_order_of_examples_does_not_matter(self):
        with torch.no_grad():
            one = self.net(self.target, self.contexts)
            two = self.net(self.target, self.contexts.flip(1))
        torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)

    def test_positions_are_in_the_order_that_the_port_expects(self):
        features = position_features((2, 1, 4), torch.device("cpu"))
        self.assertEqual(features.shape, (8, 24))
        # First cell: z = -0.5, y = 0, x = -0.75; frequency 0.5, then sin before cos.
        expected = torch.tensor([-np.sin(np.pi / 4), np.cos(np.pi / 4)], dtype=torch.float32)
        torch.testing.assert_close(features[0, :2], expected)
        self.assertEqual(features[0, 8].item(), 0)


class Synthetic(unittest.TestCase):
    """Episodes have the shapes that the net wants."""

    def test_a_batch(self):
        for dims, size in ((2, 32), (3, 16)):
            data = episodes.Episodes(dims, size, [], 0.0, 6, 0)
            batch = data.batch()
            channels = (3 if dims == 2 else 1) + marks.CHANNELS
            self.assertEqual(batch["target"].shape[1], channels)
            self.assertEqual(batch["contexts"].shape[2:], batch["target"].shape[1:])
            self.assertEqual(batch["truth"].shape[1], 1)


if __name__ == "__main__":
    unittest.main()
