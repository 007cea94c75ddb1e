"""What a user of pictures would do without us: a random forest on image filters, trained on the examples' pixels.

As ilastik's pixel classification does: Gaussians, their gradients, Laplacians, Hessian and structure-tensor eigenvalues.
"""

import numpy as np
import skimage
import sklearn
from PIL import Image
from scipy import ndimage as ndi
from sklearn.ensemble import RandomForestClassifier

METHOD = "random forest"
PROGRAM = f"scikit-image {skimage.__version__}, scikit-learn {sklearn.__version__}"
SIGMAS = (0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
TREES = 100
PIXELS = 20_000  # of each example, as many of the structure as of the rest where there are as many
SEED = 7


def features(image):
    """Filters of each colour at each scale: [rows * columns, n]."""
    colours = [image[..., 0]] if np.ptp(image, axis=-1).max() == 0 else list(np.moveaxis(image, -1, 0))
    return np.stack([f.ravel() for c in colours for f in filtered(c)], axis=-1).astype(np.float32)


def filtered(grey):
    """The filters of one channel."""
    yield grey
    for sigma in SIGMAS:
        smooth = ndi.gaussian_filter(grey, sigma)
        yield smooth
        yield ndi.gaussian_gradient_magnitude(grey, sigma)
        yield ndi.gaussian_laplace(grey, sigma)
        yield grey - smooth
        hessian = skimage.feature.hessian_matrix(grey, sigma, use_gaussian_derivatives=False)
        yield from skimage.feature.hessian_matrix_eigvals(hessian)
        tensor = skimage.feature.structure_tensor(grey, sigma)
        yield from skimage.feature.structure_tensor_eigenvalues(tensor)


def prepare(examples):
    """A forest trained on pixels of the examples."""
    chance = np.random.default_rng(SEED)
    inputs, wanted = [], []
    for example in examples:
        mask = example.mask.ravel()
        rows = np.concatenate([drawn(np.flatnonzero(mask), chance), drawn(np.flatnonzero(~mask), chance)])
        inputs.append(features(example.image)[rows])
        wanted.append(mask[rows])
    forest = RandomForestClassifier(TREES, min_samples_leaf=2, n_jobs=-1, random_state=SEED)
    return forest.fit(np.concatenate(inputs), np.concatenate(wanted))


def drawn(rows, chance):
    """Some of the rows."""
    return chance.choice(rows, min(len(rows), PIXELS // 2), replace=False)


def segment(forest, image):
    """Where the forest thinks the structure more likely than not."""
    inside = list(forest.classes_).index(True) if True in forest.classes_ else None
    if inside is None:
        return np.zeros(image.shape[:2], bool)
    return (forest.predict_proba(features(image))[:, inside] >= 0.5).reshape(image.shape[:2])


def write(mask, folder, name):
    """Writes a mask; its file's name."""
    path = folder / f"{name}.png"
    Image.fromarray(mask.astype(np.uint8)).save(path)
    return path.name
