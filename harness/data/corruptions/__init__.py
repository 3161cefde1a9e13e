"""Alterations of test images by which it is seen how much a network bears.

The idea is that of Hendrycks & Dietterich (2019), Benchmarking neural network robustness to common
corruptions and perturbations (ICLR): kinds of alterations that no network was trained on, each at
five severities, and the mean of the errors. Mu & Gilmer (2019), MNIST-C, brought it to MNIST. The
severities follow theirs where they have them (shifts of 1 to 5 pixels, turns up to about 1 radian,
a size down to one half, contrast about the image's mean); what leaves a digit of 28 pixels
unreadable there (blur of 3 pixels and more, contrast of 5 %) is milder here: looked at, most
digits can still be told at severity 5, in MNIST and in the coarser set of digits.

    shift       1 to 5 pixels, in one of four directions
    rotation    10 to 50 degrees, to the left or to the right
    scaling     90 to 50 % of the width
    noise       Gaussian, its deviation 10 to 50 % of white
    blur        Gaussian, its deviation 0.4 to 2 pixels
    contrast    80 to 10 % of each pixel's distance from the image's mean
    inversion   20 to 100 % of the negative, mixed in; at 50 % nothing could be read, so the
                levels keep clear of it: what is left of the contrast is 60, 20, -20, -60, -100 %
    occlusion   a grey square (Zeiler & Fergus 2014) of 4 to 12 pixels' side, somewhere
"""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.data.corruptions.transforms import (
    Alter,
    Images,
    add_noise,
    blur,
    invert,
    lower_contrast,
    occlude,
    rotate,
    scale,
    shift,
)

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption:
    """One kind of alteration.

    Attributes:
        words: what became of an image, as a participle: "turned".
        unit: of the values, to be written behind a number.
        identity: the value that leaves an image as it is, severity 0.
        values: for each of SEVERITIES.
    """

    name: str
    words: str
    unit: str
    identity: float
    values: tuple[float, float, float, float, float]
    alter: Alter

    def value(self, severity: int) -> float:
        """Returns the value of a severity, 0 .. 5.

        Raises:
            ValueError: any other severity.
        """
        if severity not in (0, *SEVERITIES):
            raise ValueError(f"severity = {severity}, but should be in 0..{len(SEVERITIES)}")
        return (self.identity, *self.values)[severity]


CORRUPTIONS: Mapping[str, Corruption] = {
    one.name: one
    for one in (
        Corruption("shift", "shifted", "pixels", 0, (1, 2, 3, 4, 5), shift),
        Corruption("rotation", "turned", "degrees", 0, (10, 20, 30, 40, 50), rotate),
        Corruption("scaling", "made smaller", "% of the width", 100, (90, 80, 70, 60, 50), scale),
        Corruption("noise", "noisy", "% of white", 0, (10, 20, 30, 40, 50), add_noise),
        Corruption("blur", "blurred", "pixels", 0, (0.4, 0.8, 1.2, 1.6, 2.0), blur),
        Corruption("contrast", "paler", "% contrast", 100, (80, 60, 40, 20, 10), lower_contrast),
        Corruption("inversion", "inverted", "% negative", 0, (20, 40, 60, 80, 100), invert),
        Corruption("occlusion", "partly covered", "pixels wide", 0, (4, 6, 8, 10, 12), occlude),
    )
}


def corrupt(images: Images, name: str, severity: int, seed: int) -> Images:
    """Returns corrupted images, uint8 (N, 28, 28), for such images.

    The same image, severity and seed give the same bytes always, whatever lies beside the image.
    Of one image, all severities go the same way: as it is turned to the left by 10 degrees, so
    by 50.

    Args:
        name: key of CORRUPTIONS.
        severity: 0, which changes nothing, to 5.

    Raises:
        KeyError: the corruption is unknown.
        ValueError: no such severity, or not such images.
    """
    if images.dtype != "uint8" or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"images: {images.dtype} {images.shape}, but should be uint8 (N, 28, 28)")
    known = CORRUPTIONS[name]
    return known.alter(images, known.value(severity), seed)
