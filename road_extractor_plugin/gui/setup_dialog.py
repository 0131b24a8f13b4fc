"""The dialog that installs the engine, and says what it does."""

from __future__ import annotations

from pathlib import Path

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from road_extractor_plugin.engine.engine_kind import EngineKind

_WIDTH_PX, _HEIGHT_PX = 620, 640


class SetupDialog(QDialog):
    """Which engine, from where, into which folder; then what happens, line by line."""

    install_clicked = pyqtSignal()
    remove_clicked = pyqtSignal()
    test_clicked = pyqtSignal()
    cancel_clicked = pyqtSignal()
    copy_clicked = pyqtSignal()
    use_clicked = pyqtSignal()
    """The user wants the chosen Python to be used as it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("setup_dialog")
        self.setWindowTitle(self.tr("Road Extractor: engine set-up"))
        self.resize(_WIDTH_PX, _HEIGHT_PX)
        # Made in the order in which they are seen: that is the order of the tab key.
        self._make_choices()
        self.state_label = QLabel(self)
        self.state_label.setObjectName("setup_state")
        self.state_label.setWordWrap(True)
        self.log_box = QPlainTextEdit(self)
        self.log_box.setObjectName("setup_log")
        self.log_box.setReadOnly(True)
        self.log_box.setAccessibleName(self.tr("What happens"))
        self.progress_bar = QProgressBar(self)
        self.progress_bar.setRange(0, 0)
        self._make_buttons()
        self._lay_out()
        self.kind_combo.currentIndexChanged.connect(lambda _: self._show_size())
        self.source_group.buttonClicked.connect(lambda _: self._show_source())
        self._show_source()
        self.show_running(is_on=False)

    def _make_choices(self) -> None:
        self.kind_combo = QComboBox(self)
        self.kind_combo.setObjectName("setup_kind")
        self.size_label = QLabel(self)
        self.size_label.setWordWrap(True)
        self.folder_label = QLabel(self)
        self.folder_label.setWordWrap(True)
        self.online_radio = QRadioButton(self.tr("from the Internet (&pypi.org, with the proxy of QGIS)"), self)
        self.wheels_radio = QRadioButton(self.tr("from a &folder of wheels, without the Internet"), self)
        self.wheels_widget = QgsFileWidget(self)
        self.wheels_widget.setObjectName("setup_wheels")
        self.wheels_widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.wheels_widget.setAccessibleName(self.tr("Folder of wheels"))
        self.python_radio = QRadioButton(self.tr("&nothing: use a Python that has the packages already"), self)
        self.source_group = QButtonGroup(self)
        for number, radio in enumerate((self.online_radio, self.wheels_radio, self.python_radio)):
            self.source_group.addButton(radio, number)
        self.online_radio.setChecked(True)
        self.python_widget = QgsFileWidget(self)
        self.python_widget.setObjectName("setup_python")
        self.python_widget.setAccessibleName(self.tr("Python program"))

    def _make_buttons(self) -> None:
        self.install_button = QPushButton(self.tr("&Install"), self)
        self.test_button = QPushButton(self.tr("Self-&test"), self)
        self.remove_button = QPushButton(self.tr("&Remove"), self)
        self.copy_button = QPushButton(self.tr("Copy &diagnostics"), self)
        self.cancel_button = QPushButton(self.tr("&Cancel"), self)
        self.close_button = QPushButton(self.tr("C&lose"), self)
        for button, name, signal in (
            (self.install_button, "setup_install", self._install_or_use),
            (self.test_button, "setup_test", self.test_clicked.emit),
            (self.remove_button, "setup_remove", self.remove_clicked.emit),
            (self.copy_button, "setup_copy", self.copy_clicked.emit),
            (self.cancel_button, "setup_cancel", self.cancel_clicked.emit),
            (self.close_button, "setup_close", self.reject),
        ):
            button.setObjectName(name)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _, act=signal: act())

    def _lay_out(self) -> None:
        intro = QLabel(
            self.tr(
                "The neural network needs libraries that QGIS does not bring. They are put into a folder of their own; "
                "the Python of QGIS stays as it is, and removing the engine removes that folder only."
            ),
            self,
        )
        intro.setWordWrap(True)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.tr("&Engine"), self.kind_combo)
        form.addRow(self.tr("Size"), self.size_label)
        form.addRow(self.tr("Folder"), self.folder_label)
        form.addRow(self.tr("Install"), self.online_radio)
        for widget in (self.wheels_radio, self.wheels_widget, self.python_radio, self.python_widget):
            form.addRow("", widget)
        buttons = QHBoxLayout()
        for button in (self.install_button, self.test_button, self.remove_button, self.copy_button):
            buttons.addWidget(button)
        buttons.addStretch()
        for button in (self.cancel_button, self.close_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(intro)
        layout.addLayout(form)
        layout.addWidget(self.state_label)
        layout.addWidget(self.log_box, 1)
        layout.addWidget(self.progress_bar)
        layout.addLayout(buttons)

    def _install_or_use(self) -> None:
        (self.use_clicked if self.python_radio.isChecked() else self.install_clicked).emit()

    def _show_source(self) -> None:
        self.wheels_widget.setEnabled(self.wheels_radio.isChecked())
        self.python_widget.setEnabled(self.python_radio.isChecked())
        self.install_button.setText(self.tr("&Use it") if self.python_radio.isChecked() else self.tr("&Install"))

    def _show_size(self) -> None:
        kind = self.kind()
        if kind is not None:
            text = self.tr("about {download} MB to download, {disk} MB on the disk")
            self.size_label.setText(text.format(download=kind.download_mb, disk=kind.disk_mb))

    def show_kinds(self, kinds: tuple[EngineKind, ...], chosen: str) -> None:
        """Offer kinds, the recommended one first; `chosen` is the name of the one that is installed."""
        self.kind_combo.clear()
        for number, kind in enumerate(kinds):
            recommended = self.tr(" - recommended here") if number == 0 else ""
            self.kind_combo.addItem(f"{self.tr(kind.title)}{recommended}", kind)
        names = [kind.name for kind in kinds]
        self.kind_combo.setCurrentIndex(names.index(chosen) if chosen in names else 0)
        self._show_size()

    def show_folder(self, folder: Path) -> None:
        """Where the engine goes."""
        self.folder_label.setText(str(folder))

    def show_state(self, text: str) -> None:
        """How things stand, in a sentence."""
        self.state_label.setText(text)

    def show_line(self, text: str) -> None:
        """A line of what happens."""
        self.log_box.appendPlainText(text)

    def show_running(self, *, is_on: bool) -> None:
        """Something is under way, or no longer."""
        for button in (self.install_button, self.test_button, self.remove_button, self.close_button):
            button.setDisabled(is_on)
        self.cancel_button.setEnabled(is_on)
        self.progress_bar.setVisible(is_on)

    def kind(self) -> EngineKind | None:
        """The chosen kind of engine."""
        found: EngineKind | None = self.kind_combo.currentData()
        return found

    def wheels(self) -> Path | None:
        """The folder of wheels, where that is chosen."""
        path = self.wheels_widget.filePath().strip()
        return Path(path) if self.wheels_radio.isChecked() and path else None

    def python(self) -> Path | None:
        """The Python to use as it is, where that is chosen."""
        path = self.python_widget.filePath().strip()
        return Path(path) if self.python_radio.isChecked() and path else None
