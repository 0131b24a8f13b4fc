"""What happens between the set-up dialog and the engine's environment."""

from __future__ import annotations

import dataclasses
import importlib.util
import platform
from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QObject, pyqtSignal

from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.bridge.network_proxy import proxy_url
from road_extractor_plugin.engine.engine_kind import Computer, advice, kinds_for
from road_extractor_plugin.engine.environment import (
    PackageSource,
    create,
    kind_of,
    look_at,
    remove,
    self_test,
    usable_base,
)
from road_extractor_plugin.engine.interpreter import base_candidates, is_complete
from road_extractor_plugin.gui.setup_dialog import SetupDialog
from road_extractor_plugin.settings import environment_folder, load_worker_choice, save_worker_choice
from road_extractor_plugin.tasks.setup_task import SetupTask, Work

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from road_extractor_plugin.engine.subprocess_lines import Listener
    from road_extractor_plugin.engine.worker_pool import WorkerPool

_LIBRARIES = ("onnxruntime", "scipy", "skimage")


def is_engine_there() -> bool:
    """Whether there is something to compute with: a chosen Python, the environment, or QGIS's own libraries.

    Looks for files only, so that a click is answered at once.
    """
    choice = load_worker_choice()
    if choice.interpreter is not None or is_complete(environment_folder()):
        return True
    return all(importlib.util.find_spec(name) is not None for name in _LIBRARIES)


class SetupController(QObject):
    """Does one thing at a time with the environment."""

    ready = pyqtSignal()
    """An engine was installed or chosen."""

    def __init__(self, iface: QgisInterface, workers: WorkerPool) -> None:
        self.dialog = SetupDialog(iface.mainWindow())
        super().__init__(self.dialog)
        self._workers = workers
        self._folder = environment_folder()
        self._task: SetupTask | None = None
        self.dialog.install_clicked.connect(self.install)
        self.dialog.use_clicked.connect(self.use)
        self.dialog.test_clicked.connect(self.test)
        self.dialog.remove_clicked.connect(self.remove)
        self.dialog.cancel_clicked.connect(self.cancel)
        self.dialog.copy_clicked.connect(self.copy_diagnostics)

    def show(self) -> None:
        """Open the dialog, and look at the environment meanwhile."""
        dialog, computer = self.dialog, Computer.here()
        dialog.show_kinds(kinds_for(computer), kind_of(self._folder))
        dialog.show_folder(self._folder)
        dialog.show()
        dialog.raise_()
        hint = advice(computer)
        if hint:
            dialog.show_line(hint)
        self._start(self.tr("look at the engine"), lambda _: look_at(self._folder).detail)

    def close(self) -> None:
        """Stop everything, before the plugin goes."""
        task, self._task = self._task, None
        if task is not None:
            for signal in (task.said, task.done, task.failed):
                signal.disconnect()
            task.cancel()
        self.dialog.deleteLater()

    def install(self) -> None:
        """Make the environment anew."""
        kind = self.dialog.kind()
        if kind is None:
            return
        if self.dialog.wheels_radio.isChecked() and self.dialog.wheels() is None:
            self.dialog.show_state(self.tr("Choose the folder with the wheels."))
            return
        source, folder = PackageSource(self.dialog.wheels(), proxy_url()), self._folder

        def work(listener: Listener) -> str:
            base = usable_base(base_candidates())
            listener.line(f"{base}")
            return create(base, folder, kind, source, listener).detail

        self._workers.end_idle()  # it may run in the environment that is about to go
        self._start(self.tr("install the engine"), work, is_new=True)

    def use(self) -> None:
        """Take a Python as it is."""
        python = self.dialog.python()
        if python is None:
            self.dialog.show_state(self.tr("Choose the Python program."))
            return
        save_worker_choice(dataclasses.replace(load_worker_choice(), interpreter=python))
        self.dialog.show_state(self.tr("From now on the engine runs on {}.").format(python))
        self.ready.emit()

    def test(self) -> None:
        """Compute the model's own test vectors."""
        folder, passed = self._folder, self.tr("The engine computes correctly.")

        def work(listener: Listener) -> str:
            self_test(folder, listener)
            return passed

        self._start(self.tr("test the engine"), work)

    def remove(self) -> None:
        """Remove the environment."""
        folder, gone = self._folder, self.tr("The engine was removed.")

        def work(_: Listener) -> str:
            remove(folder)
            return gone

        self._workers.end_idle()
        self._start(self.tr("remove the engine"), work)

    def cancel(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()

    def copy_diagnostics(self) -> None:
        """Put what a helper wants to know into the clipboard."""
        choice = load_worker_choice()
        lines = [
            f"Road Extractor engine in {self._folder}: {self.dialog.state_label.text()}",
            f"kind: {kind_of(self._folder) or 'unknown'}; chosen Python: {choice.interpreter or 'none'}",
            f"QGIS {Qgis.QGIS_VERSION}, Python {platform.python_version()}, {platform.platform()}",
            f"computer: {Computer.here()}",
            f"Pythons found: {', '.join(map(str, base_candidates()))}",
            self.dialog.log_box.toPlainText(),
        ]
        QgsApplication.clipboard().setText("\n".join(lines))
        self.dialog.show_state(self.tr("The diagnostics are in the clipboard."))

    def _start(self, title: str, work: Work, *, is_new: bool = False) -> None:
        if self._task is not None:
            return
        task = SetupTask(f"Road Extractor: {title}", work)
        task.said.connect(self.dialog.show_line)
        task.done.connect(self._on_done)
        task.failed.connect(self._on_failed)
        if is_new:
            task.done.connect(self._on_installed)
        self._task = task
        self.dialog.show_running(is_on=True)
        QgsApplication.taskManager().addTask(task)

    def _on_installed(self) -> None:
        choice = load_worker_choice()
        if choice.interpreter is not None:
            save_worker_choice(dataclasses.replace(choice, interpreter=None))
        self.ready.emit()

    def _on_done(self, sentence: str) -> None:
        self._end(sentence)

    def _on_failed(self, problem: str) -> None:
        log(problem, Qgis.MessageLevel.Warning)
        self._end(problem)

    def _end(self, text: str) -> None:
        self._task = None
        self.dialog.show_running(is_on=False)
        self.dialog.show_state(text)
        is_here = is_complete(self._folder)
        self.dialog.test_button.setEnabled(is_here)
        self.dialog.remove_button.setEnabled(self._folder.exists())
