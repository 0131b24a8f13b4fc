"""Finding the fastest runtime while it works."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from datetime import date
from typing import Callable, Optional

from road_extractor_plugin.compute.predictors.predictor import Float32, Predictor
from road_extractor_plugin.compute.predictors.speed_record import Measurement, Setting
from road_extractor_plugin.contract.errors import ComputeError, ModelUnreadableError
from road_extractor_plugin.contract.result import Device

_PATIENCE_S = 2.0
"""Work that the first one does before another is tried: a small job ends before, and loses no time."""
_ROUNDS = 3
"""Timed turns of each of two."""
_CLEARLY_FASTER = 0.95
"""A challenger must need less than this share of the time to win."""

Open = Callable[[Setting], Predictor]


class MeasuredPredictor:
    """Lets several settings compete on real tiles.

    1. The first setting works alone at first.
    2. Then one challenger after another is opened and takes turns with the best so far; the first tile of each shape
       does not count. The faster by the median stays. No prediction is thrown away: all are right.
    3. A challenger that fails is left out, and the tile is done by the best so far.
    4. When all have been tried, the outcome is handed on to be remembered.
    """

    def __init__(
        self,
        setting: Setting,
        predictor: Predictor,
        challengers: Sequence[Setting],
        open_setting: Open,
        remember: Callable[[Measurement], None],
    ) -> None:
        """Begin.

        Args:
            setting: The first to work with.
            predictor: It, opened.
            challengers: Those to try.
            open_setting: Loads the network.
            remember: Told the outcome.
        """
        self._open, self._remember = open_setting, remember
        self._waiting = list(challengers)
        self._best = _Runner(setting, predictor)
        self._challenger: Optional[_Runner] = None
        self._figures: dict[str, float] = {}
        self._reason = "other runtimes are tried in a longer run" if self._waiting else "the only one here"

    @property
    def device(self) -> Device:
        """See `Predictor.device`."""
        return dataclasses.replace(self._best.predictor.device, reason=self._reason)

    def predict(self, tiles: Float32) -> Float32:
        """See `Predictor.predict`."""
        if self._challenger is None and self._waiting and self._best.busy_s >= _PATIENCE_S:  # 1
            self._challenger = self._next_challenger()
        challenger = self._challenger
        if challenger is None or challenger.turns > self._best.turns:
            return self._best.predict(tiles)
        try:
            probability = challenger.predict(tiles)
        except ComputeError:  # 3
            self._end_duel(self._best)
            return self._best.predict(tiles)
        if min(challenger.turns, self._best.turns) >= _ROUNDS:
            faster = challenger.seconds_per_mpx() < _CLEARLY_FASTER * self._best.seconds_per_mpx()
            self._figures[str(challenger.setting)] = challenger.seconds_per_mpx()
            self._figures[str(self._best.setting)] = self._best.seconds_per_mpx()
            self._end_duel(challenger if faster else self._best)
        return probability

    def _next_challenger(self) -> Optional[_Runner]:
        setting = self._waiting.pop(0)
        try:
            challenger = _Runner(setting, self._open(setting))
        except (ComputeError, ModelUnreadableError):  # 3
            self._end_duel(self._best)
            return None
        self._best.restart()  # so that both are timed under the same load
        return challenger

    def _end_duel(self, winner: _Runner) -> None:
        self._best, self._challenger = winner, None
        if not self._waiting and self._figures:  # 4
            figures = dict(sorted(self._figures.items(), key=lambda item: item[1]))
            outcome = Measurement(winner.setting, figures, date.today().isoformat())
            self._reason = outcome.in_words()
            self._remember(outcome)


class _Runner:
    """A predictor with a stopwatch."""

    def __init__(self, setting: Setting, predictor: Predictor) -> None:
        self.setting, self.predictor = setting, predictor
        self.busy_s = 0.0
        self._warm_shapes: set[tuple[int, ...]] = set()
        self._timings: list[float] = []

    @property
    def turns(self) -> int:
        return len(self._timings)

    def restart(self) -> None:
        self._timings.clear()

    def seconds_per_mpx(self) -> float:
        return statistics.median(self._timings)

    def predict(self, tiles: Float32) -> Float32:
        started = time.perf_counter()
        probability = self.predictor.predict(tiles)
        seconds = time.perf_counter() - started
        self.busy_s += seconds
        if tiles.shape in self._warm_shapes:
            self._timings.append(seconds / (probability.size / 1e6))
        self._warm_shapes.add(tiles.shape)
        return probability
