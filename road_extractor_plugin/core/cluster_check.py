"""Whether the workers of a cluster are fit for a batch: the same versions, the same folders, the same model."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from road_extractor_plugin.contract.batch import BatchRequest
from road_extractor_plugin.contract.errors import BatchError
from road_extractor_plugin.core.output_errors import not_writable

if TYPE_CHECKING:
    from distributed import Client

_WAIT_FOR_WORKERS_S = 60.0
_SAME = ("python", "distributed")
"""What must be of the same version everywhere, beside Road Extractor."""
_PYTHON_DIGITS = 2
"""3.11.2 and 3.11.9 go together, 3.11 and 3.12 do not."""

Seen = dict[str, str]
"""What a machine sees: per thing a text that must be the same everywhere."""


def check_workers(client: Client, request: BatchRequest, raster: Path) -> None:
    """See whether all workers that are there can do the rasters of a batch.

    Args:
        client: Of the cluster.
        request: Names the folders and the model.
        raster: One of the rasters.

    Raises:
        BatchError: There is no worker, or one of them cannot; the message says why.
        OutputError: The output folder cannot be written from here.
    """
    _wait_for_one(client)
    _check_versions(client)
    look = _eyes()
    with _marker(request.output_folder) as marker:
        places = str(marker), str(raster.absolute()), str(request.each.model.absolute())
        here = look(*places)
        for worker, seen in client.run(look, *places).items():
            problem = problem_with(seen, here, request, raster)
            if problem:
                raise BatchError(f"The worker {worker} {problem[0]}", problem[1])


def problem_with(seen: Seen, here: Seen, request: BatchRequest, raster: Path) -> tuple[str, str] | None:
    """What keeps a worker from working, and what to do about it.

    Args:
        seen: What the worker sees.
        here: What this machine sees.
        request: Names the folders and the model.
        raster: The one that was looked for.
    """
    same_paths = "Let all machines see the same folders under the same paths, for example by NFS"
    where = f"version {here['code']}" if not seen["code"] else f"version {seen['code']}, here is {here['code']}"
    problems = {
        "code": (
            ("has no Road Extractor" if not seen["code"] else "has another Road Extractor") + f" ({where})",
            "Put the same version where its Python finds it, for example with PYTHONPATH, and start it again",
        ),
        "raster": (f"does not see '{raster}' as it is here", same_paths),
        "marker": (f"does not see the output folder '{request.output_folder}'", same_paths),
        "writable": (f"may not write in the output folder '{request.output_folder}'", "Allow the user that it runs as"),
        "model": (f"does not see the model '{request.each.model}' as it is here", same_paths + ", and give --model"),
    }
    return next((problem for thing, problem in problems.items() if seen[thing] != here[thing]), None)


def _wait_for_one(client: Client) -> None:
    try:
        client.wait_for_workers(1, timeout=_WAIT_FOR_WORKERS_S)
    except TimeoutError as error:
        address = client.scheduler_info()["address"]
        raise BatchError(f"The scheduler {address} has no worker", f"Start some: dask worker {address}") from error


def _check_versions(client: Client) -> None:
    """Compare the versions that everything else rests on.

    Raises:
        BatchError: They differ.
    """
    versions: Any = client.get_versions()  # its type allows for an asynchronous client, which ours is not
    own = _of_interest(versions["client"])
    others = {"scheduler": versions["scheduler"], **versions["workers"]}
    for name, other in others.items():
        found = own if other is None else _of_interest(other)
        if found != own:
            who = "The scheduler" if name == "scheduler" else f"The worker {name}"
            raise BatchError(
                f"{who} has {_in_words(found)}, here is {_in_words(own)}", "Install the same versions everywhere"
            )


def _of_interest(machine: dict[str, dict[str, str]]) -> dict[str, str]:
    packages = machine["packages"]
    versions = {name: str(packages[name]) for name in _SAME}
    versions["python"] = ".".join(versions["python"].split(".")[:_PYTHON_DIGITS])
    return versions


def _in_words(versions: dict[str, str]) -> str:
    return " and ".join(f"{name} {version}" for name, version in versions.items())


@contextmanager
def _marker(folder: Path) -> Iterator[Path]:
    """A file that nobody can have by chance."""
    token = uuid.uuid4().hex
    path = folder / f".batch_{token}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(token, encoding="ascii")
    except OSError as error:
        raise not_writable(folder, error) from error
    try:
        yield path
    finally:
        path.unlink()


def _eyes() -> Callable[[str, str, str], Seen]:
    """What a worker does to look; it travels as code, because there may be no Road Extractor where it arrives."""

    def look(marker: str, raster: str, model: str) -> Seen:
        import hashlib
        import importlib.util
        import os
        from pathlib import Path

        def digest(paths: list[Path]) -> str:
            present = [path.read_bytes() for path in sorted(paths) if path.is_file()]
            return hashlib.sha256(b"".join(present)).hexdigest()[:8] if present else ""

        spec = importlib.util.find_spec("road_extractor_plugin")
        home = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
        parts = ("contract", "compute", "engine", "core")
        return {
            "code": "" if home is None else digest([path for part in parts for path in (home / part).rglob("*.py")]),
            "raster": str(Path(raster).stat().st_size) if Path(raster).is_file() else "",
            "marker": digest([Path(marker)]),
            "writable": str(os.access(Path(marker).parent, os.W_OK)),
            "model": digest([Path(model)]),
        }

    return look
