"""Many scenes, of which only some are in memory: a data set may be larger than the machine's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from model_training.datasets.folders import Scene, ScenePaths, read_scene


class Scenes(Protocol):
    """Scenes by number, in memory or not."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Scene: ...

    def __iter__(self) -> Iterator[Scene]: ...


def evenly(scenes: int, most: int) -> list[int]:
    """Numbers of at most `most` of so many scenes, evenly spread."""
    numbers: list[int] = np.unique(np.linspace(0, scenes - 1, min(scenes, most)).astype(int)).tolist()
    return numbers


class SceneMemory:
    """Decoded scenes up to a limit.

    Crops come from all scenes at random, so that no choice of scenes is better than another: the first ones stay.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.kept_bytes = 0
        self._kept: dict[ScenePaths, Scene] = {}

    def read(self, paths: ScenePaths) -> Scene:
        """The scene in memory, else from its files.

        Raises:
            DatasetError: A file cannot be used.
        """
        return self._kept.get(paths) or read_scene(paths)

    def keep(self, paths: ScenePaths, scene: Scene) -> None:
        """Keep a scene where there is room."""
        if paths not in self._kept and self.kept_bytes + scene.byte_count <= self.limit_bytes:
            self._kept[paths] = scene
            self.kept_bytes += scene.byte_count

    def __getstate__(self) -> dict[str, Any]:
        """Without the scenes: processes that are not forked would have a copy each."""
        return {**self.__dict__, "_kept": {}, "kept_bytes": 0}


class StoredScenes:
    """The scenes of some files: from memory as far as it goes, else read again whenever one is wanted."""

    def __init__(self, paths: Sequence[ScenePaths], memory: SceneMemory, readers: int = 1) -> None:
        """Read nothing yet.

        Args:
            paths: The files.
            memory: What stays of the scenes that were iterated over.
            readers: Threads for iterating over all.
        """
        self._paths = tuple(paths)
        self._memory = memory
        self._readers = readers

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self._paths)

    def __getitem__(self, index: int, /) -> Scene:
        """Read one."""
        return self._memory.read(self._paths[index])

    def __iter__(self) -> Iterator[Scene]:
        """Read all in turn, as many at once as there are readers; keep what there is room for."""
        with (
            ThreadPoolExecutor(self._readers) as readers,
            tqdm(total=len(self), desc="reading", unit="scene", leave=False, disable=None) as bar,
        ):
            for start in range(0, len(self), self._readers):
                part = self._paths[start : start + self._readers]
                for paths, scene in zip(part, readers.map(self._memory.read, part)):
                    self._memory.keep(paths, scene)
                    bar.update()
                    yield scene
