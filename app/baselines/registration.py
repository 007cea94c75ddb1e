"""What a user of volumes would do without us: register each example to the target, carry its mask over, and vote.

Affine, then B-splines, both by Mattes' mutual information, with SimpleITK.
"""

import numpy as np
import SimpleITK

METHOD = "registration"
PROGRAM = f"SimpleITK {SimpleITK.Version_VersionString()}"
BINS = 32
SAMPLES = 25_000  # voxels that the metric is taken from, if there are so many
LEAST_SIDE = 12  # of a coarse image, in voxels
MESH_MM = 12.0  # about one control point a centimetre


def prepare(examples):
    """Nothing is learned ahead: all the work is by target."""
    return examples


def segment(examples, image):
    """The mask that most of the examples vote for, as bytes."""
    votes = [carried(example, image) for example in examples]
    mask = (np.mean(votes, axis=0) >= 0.5).astype(np.uint8)
    mask = SimpleITK.GetImageFromArray(mask)
    mask.CopyInformation(image)
    return mask


def carried(example, image):
    """An example's mask on the grid of another image."""
    affine = registered(image, example.image, first_affine(image, example.image), affine_settings)
    bent = registered(image, example.image, bspline(image), bspline_settings, affine)
    # Applied from the last to the first: a point of the image is bent, then taken to the example.
    way = SimpleITK.CompositeTransform([affine, bent])
    mask = SimpleITK.Resample(example.mask, image, way, SimpleITK.sitkLinear, 0.0, SimpleITK.sitkFloat32)
    return SimpleITK.GetArrayFromImage(mask)


def first_affine(image, moving):
    """The centres of the two fields of view on each other."""
    kind = SimpleITK.CenteredTransformInitializerFilter.GEOMETRY
    return SimpleITK.CenteredTransformInitializer(image, moving, SimpleITK.AffineTransform(3), kind)


def bspline(image):
    """Control points about MESH_MM apart."""
    size = [n * mm for n, mm in zip(image.GetSize(), image.GetSpacing())]
    mesh = [max(2, round(length / MESH_MM)) for length in size]
    return SimpleITK.BSplineTransformInitializer(image, mesh, 3)


def registered(image, moving, transform, settings, before=None):
    """A transform from the image to the moving one that makes them alike; `before` follows it."""
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(min(1.0, SAMPLES / np.prod(image.GetSize())), 7)
    method.SetInterpolator(SimpleITK.sitkLinear)
    if before is not None:
        method.SetMovingInitialTransform(before)
    method.SetInitialTransform(transform, inPlace=True)
    settings(method, min(min(image.GetSize()), min(moving.GetSize())))
    method.Execute(image, moving)
    return transform


def affine_settings(method, side):
    """From coarse to fine."""
    method.SetOptimizerAsGradientDescent(1.0, 150, 1e-6, 10)
    method.SetOptimizerScalesFromPhysicalShift()
    levels(method, [4, 2, 1], side)


def bspline_settings(method, side):
    """A bounded number of steps: the last ones change little."""
    method.SetOptimizerAsLBFGSB(1e-5, 60, 5, 300, 1e7)
    levels(method, [2, 1], side)


def levels(method, factors, side):
    """Shrink by these factors one after the other, as far as something is left to see."""
    factors = [f for f in factors if f == 1 or side / f >= LEAST_SIDE]
    method.SetShrinkFactorsPerLevel(factors)
    method.SetSmoothingSigmasPerLevel([f / 2 if f > 1 else 0 for f in factors])


def write(mask, folder, name):
    """Writes a mask; its file's name."""
    path = folder / f"{name}.nii.gz"
    SimpleITK.WriteImage(mask, str(path))
    return path.name
