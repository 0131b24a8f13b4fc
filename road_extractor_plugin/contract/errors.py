"""Errors that a user can act on. Each builds its message: what was wrong, with the numbers, and what to do."""

from __future__ import annotations

from pathlib import Path


class RoadExtractorError(Exception):
    """Base of every error that is the user's to solve; its text is one plain sentence or two."""

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes with the text that is made, not with what it is made of."""
        return _remade, (type(self), str(self), self.__dict__)


def _remade(kind: type[RoadExtractorError], text: str, attributes: dict[str, object]) -> RoadExtractorError:
    error = kind.__new__(kind, text)
    error.__dict__.update(attributes)
    return error


class Cancelled(RoadExtractorError):  # noqa: N818  (a decision of the user, not a fault)
    """The user cancelled the run."""

    def __init__(self, what_stays: str = "Nothing was written") -> None:
        super().__init__(f"Cancelled. {what_stays}.")


class RasterUnreadableError(RoadExtractorError):
    """A raster cannot be opened or read."""

    def __init__(self, path: Path | str, detail: str) -> None:
        super().__init__(
            f"Cannot read '{path}' as a raster: {detail}. Check that the path is right and the file complete."
        )


class RasterUnusableError(RoadExtractorError):
    """A raster opens, but roads cannot be sought in it."""

    def __init__(self, path: Path | str, problem: str, remedy: str) -> None:
        super().__init__(f"'{path}' {problem}. {remedy}.")


class ImageryMissingError(RoadExtractorError):
    """A service gave no imagery at all."""

    def __init__(self, name: str, tiles: int, problem: str) -> None:
        super().__init__(
            f"None of the {tiles:,} tiles of '{name}' that were asked for could be had: {problem}. "
            "Check the connection and that the layer shows here on the map, then run again."
        )


class ImageryTooLargeError(RoadExtractorError):
    """An area needs more tiles of a service than is reasonable."""

    def __init__(self, name: str, tiles: int, limit: int) -> None:
        super().__init__(
            f"The area needs about {tiles:,} tiles of '{name}', the limit is {limit:,}. Choose a smaller area."
        )


class AreaError(RoadExtractorError):
    """The area asked for cannot be read or does not meet the raster."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")


class ModelUnreadableError(RoadExtractorError):
    """A file is not a model that can be loaded."""

    def __init__(self, path: Path | str, detail: str) -> None:
        super().__init__(
            f"Cannot load the model '{path}': {detail}. Choose an ONNX or TorchScript file made for Road Extractor."
        )


class ModelCardError(RoadExtractorError):
    """A model's card is missing, incomplete or of an unknown schema."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} Export the model again with `python -m model_training export`.")


class ModelContractMissingError(RoadExtractorError):
    """A model carries neither our card nor enough of Deepness' keys."""

    def __init__(self, path: Path | str, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(
            f"The model '{path}' does not say how to use it; missing: {', '.join(missing)}. "
            "Give these as options (see `extract --help`, group 'model without a card')."
        )


class ComputeError(RoadExtractorError):
    """The network could not be run."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")


class EngineFailedError(ComputeError):
    """The process that computes failed in a way that was not foreseen."""

    def __init__(self, problem: str, remedy: str, log: str) -> None:
        self.log = log
        """What it wrote last, for whoever looks into it."""
        super().__init__(problem, remedy)


class DeviceMemoryError(ComputeError):
    """A device has too little memory."""

    def __init__(self, device: str, shape: tuple[int, ...]) -> None:
        count, _, height, width = shape
        super().__init__(
            f"{device} has too little memory for {count} tile{'s' * (count > 1)} of {width} x {height} px",
            "Choose a smaller tile (--tile), or close other programs",
        )


class OutputError(RoadExtractorError):
    """Results cannot be written."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")


class OutputExistsError(OutputError):
    """Results of an earlier run are in the way."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        super().__init__(
            f"'{folder}' already holds {', '.join(names)}",
            "Use --overwrite to replace them, or choose another output folder",
        )


class DiskFullError(OutputError):
    """The disk has too little room, seen before or during writing."""

    def __init__(self, folder: Path, needed_bytes: int, free_bytes: int, *, kept: bool = False) -> None:
        self.needed_bytes, self.free_bytes = needed_bytes, free_bytes
        free_mb, needed_mb = free_bytes / 1e6, needed_bytes / 1e6
        remedy = "Free some space or choose another output folder; nothing was left behind"
        if kept:
            remedy = "Free some space and start the same again: it goes on from what is finished"
        super().__init__(
            f"The disk of '{folder}' has {free_mb:,.0f} MB free, about {needed_mb:,.0f} MB are needed", remedy
        )


class RequestError(RoadExtractorError):
    """A setting is out of its range or contradicts another."""

    def __init__(self, setting: str, value: object, allowed: str) -> None:
        super().__init__(f"{setting} is {value!r}, but must be {allowed}.")


class ComparisonError(RoadExtractorError):
    """Two files cannot be compared with each other."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")


class BatchError(RoadExtractorError):
    """A folder cannot be worked on as a whole."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")


class EngineSetupError(RoadExtractorError):
    """The engine's environment cannot be made, or does not work."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}.")
