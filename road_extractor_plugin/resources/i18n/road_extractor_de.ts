<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>AreaPicker</name>
    <message>
        <source>&amp;Draw on the map</source>
        <translation>Auf der Karte &amp;zeichnen</translation>
    </message>
    <message>
        <source>&amp;Selected features only</source>
        <translation>N&amp;ur gewählte Objekte</translation>
    </message>
    <message>
        <source>Add one, or draw a rectangle</source>
        <translation>Fügen Sie einen hinzu, oder zeichnen Sie ein Rechteck</translation>
    </message>
    <message>
        <source>Area</source>
        <translation>Gebiet</translation>
    </message>
    <message>
        <source>Click 'Draw on the map' and drag one</source>
        <translation>Klicken Sie auf 'Auf der Karte zeichnen' und ziehen Sie eines auf</translation>
    </message>
    <message>
        <source>Drawn rectangle</source>
        <translation>Gezeichnetes Rechteck</translation>
    </message>
    <message>
        <source>Layer of polygons</source>
        <translation>Layer mit Polygonen</translation>
    </message>
    <message>
        <source>No rectangle is drawn</source>
        <translation>Es ist kein Rechteck gezeichnet</translation>
    </message>
    <message>
        <source>Polygons of a layer</source>
        <translation>Polygone eines Layers</translation>
    </message>
    <message>
        <source>Roads are sought in its polygons only</source>
        <translation>Straßen werden nur in seinen Polygonen gesucht</translation>
    </message>
    <message>
        <source>The part of the layer that is searched</source>
        <translation>Der Teil des Layers, der durchsucht wird</translation>
    </message>
    <message>
        <source>The project has no layer of polygons</source>
        <translation>Das Projekt hat keinen Layer mit Polygonen</translation>
    </message>
    <message>
        <source>Then drag a rectangle over the place</source>
        <translation>Danach ein Rechteck über dem Ort aufziehen</translation>
    </message>
    <message>
        <source>Visible extent</source>
        <translation>Kartenausschnitt</translation>
    </message>
    <message>
        <source>Whole layer</source>
        <translation>Ganzer Layer</translation>
    </message>
</context>
<context>
    <name>BatchController</name>
    <message>
        <source>Choose the folder with the images, and one for the results.</source>
        <translation>Wählen Sie den Ordner mit den Bildern und einen für die Ergebnisse.</translation>
    </message>
    <message>
        <source>Merged roads</source>
        <translation>Zusammengeführte Straßen</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>Wird angehalten</translation>
    </message>
    <message>
        <source>{done} images done, {kept} kept, {failed} failed; {length:.2f} km of road. Table: {table}</source>
        <translation>{done} Bilder fertig, {kept} behalten, {failed} fehlgeschlagen; {length:.2f} km Straße. Tabelle: {table}</translation>
    </message>
</context>
<context>
    <name>BatchPage</name>
    <message>
        <source>&amp;Cancel</source>
        <translation>&amp;Abbrechen</translation>
    </message>
    <message>
        <source>&amp;Images in</source>
        <translation>&amp;Bilder in</translation>
    </message>
    <message>
        <source>&amp;Keep results that exist</source>
        <translation>&amp;Vorhandene Ergebnisse behalten</translation>
    </message>
    <message>
        <source>&amp;Names</source>
        <translation>&amp;Namen</translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Pause</translation>
    </message>
    <message>
        <source>&amp;Run</source>
        <translation>&amp;Starten</translation>
    </message>
    <message>
        <source>Double-click a row that is done to see its roads on the map</source>
        <translation>Doppelklick auf eine fertige Zeile zeigt deren Straßen in der Karte</translation>
    </message>
    <message>
        <source>Folder for the results</source>
        <translation>Ordner für die Ergebnisse</translation>
    </message>
    <message>
        <source>Folder with the images</source>
        <translation>Ordner mit den Bildern</translation>
    </message>
    <message>
        <source>Make &amp;one network of all</source>
        <translation>Ein Net&amp;z aus allen bilden</translation>
    </message>
    <message>
        <source>Model and threshold are those of the page 'Layer'.</source>
        <translation>Modell und Schwellenwert sind die der Seite „Layer“.</translation>
    </message>
    <message>
        <source>Names of the images, with * for anything; more than one with blanks</source>
        <translation>Namen der Bilder, * steht für Beliebiges; mehrere durch Leerzeichen getrennt</translation>
    </message>
    <message>
        <source>Re&amp;sults in</source>
        <translation>&amp;Ergebnisse in</translation>
    </message>
    <message>
        <source>Search the folders &amp;below, too</source>
        <translation>Auch &amp;Unterordner durchsuchen</translation>
    </message>
    <message>
        <source>Table of the images</source>
        <translation>Tabelle der Bilder</translation>
    </message>
</context>
<context>
    <name>BatchTable</name>
    <message>
        <source>Image</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>Meldung</translation>
    </message>
    <message>
        <source>Road (km)</source>
        <translation>Straße (km)</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>Status</translation>
    </message>
    <message>
        <source>Time (s)</source>
        <translation>Zeit (s)</translation>
    </message>
    <message>
        <source>done</source>
        <translation>fertig</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>fehlgeschlagen</translation>
    </message>
    <message>
        <source>kept</source>
        <translation>behalten</translation>
    </message>
    <message>
        <source>running</source>
        <translation>läuft</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>wartet</translation>
    </message>
</context>
<context>
    <name>ConfidencePlot</name>
    <message>
        <source>below {} %</source>
        <translation>unter {} %</translation>
    </message>
    <message>
        <source>{} km</source>
        <translation>{} km</translation>
    </message>
    <message>
        <source>{} to {} %</source>
        <translation>{} bis {} %</translation>
    </message>
</context>
<context>
    <name>EngineTask</name>
    <message>
        <source>Something unexpected happened ({}). Please report it, with what stands on the page 'Road Extractor' of View &gt; Panels &gt; Log Messages.</source>
        <translation>Etwas Unerwartetes ist geschehen ({}). Bitte melden Sie es, zusammen mit dem, was unter Ansicht &gt; Bedienfelder &gt; Protokoll auf der Seite „Road Extractor“ steht.</translation>
    </message>
</context>
<context>
    <name>ExtractController</name>
    <message>
        <source>Add a raster layer to the project and choose it in the panel.</source>
        <translation>Fügen Sie dem Projekt einen Rasterlayer hinzu und wählen Sie ihn im Bedienfeld.</translation>
    </message>
    <message>
        <source>Choose a model file in the panel; none came with this installation.</source>
        <translation>Wählen Sie im Bedienfeld eine Modelldatei; dieser Installation lag keine bei.</translation>
    </message>
    <message>
        <source>Road Extractor</source>
        <translation>Road Extractor</translation>
    </message>
    <message>
        <source>Select a raster layer in the Layers panel first, then click Extract roads.</source>
        <translation>Wählen Sie zuerst im Bedienfeld „Layer“ einen Rasterlayer und klicken Sie dann auf „Straßen extrahieren“.</translation>
    </message>
    <message>
        <source>Start it?</source>
        <translation>Jetzt starten?</translation>
    </message>
    <message>
        <source>This is being done already.</source>
        <translation>Das ist bereits in Arbeit.</translation>
    </message>
    <message>
        <source>{summary}. The project was closed meanwhile; the results are in '{folder}'.</source>
        <translation>{summary}. Das Projekt wurde inzwischen geschlossen; die Ergebnisse liegen in „{folder}“.</translation>
    </message>
</context>
<context>
    <name>ExtractForm</name>
    <message>
        <source>&amp;Area</source>
        <translation>&amp;Gebiet</translation>
    </message>
    <message>
        <source>&amp;Kind of place</source>
        <translation>Geb&amp;ietstyp</translation>
    </message>
    <message>
        <source>&amp;Layer</source>
        <translation>&amp;Layer</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>&amp;Modell</translation>
    </message>
    <message>
        <source>&amp;Output folder</source>
        <translation>Ausgabe&amp;ordner</translation>
    </message>
    <message>
        <source>&amp;Threshold</source>
        <translation>S&amp;chwellenwert</translation>
    </message>
    <message>
        <source>Beside the project</source>
        <translation>Neben dem Projekt</translation>
    </message>
    <message>
        <source>Each run makes a folder of its own in it. Left empty, it is 'road_extractor' beside the project, or among your documents while the project is not saved.</source>
        <translation>Jeder Lauf legt darin einen eigenen Ordner an. Bleibt das Feld leer, ist es „road_extractor“ neben dem Projekt oder, solange dieses nicht gespeichert ist, bei Ihren Dokumenten.</translation>
    </message>
    <message>
        <source>Folder for the results</source>
        <translation>Ordner für die Ergebnisse</translation>
    </message>
    <message>
        <source>Imagery of {found} m per pixel, but the model was made for {finest} to {coarsest} m.</source>
        <translation>Die Bilddaten haben {found} m pro Pixel, das Modell ist aber für {finest} bis {coarsest} m gemacht.</translation>
    </message>
    <message>
        <source>Imagery of {found} m per pixel; the model takes {finest} to {coarsest} m.</source>
        <translation>Bilddaten mit {found} m pro Pixel; das Modell nimmt {finest} bis {coarsest} m.</translation>
    </message>
    <message>
        <source>It is averaged to {grid} m; finer detail is lost.</source>
        <translation>Sie werden auf {grid} m gemittelt; feinere Einzelheiten gehen verloren.</translation>
    </message>
    <message>
        <source>It is resampled to {grid} m; roads may be missed. Use finer imagery or another model.</source>
        <translation>Sie werden auf {grid} m umgerechnet; Straßen können fehlen. Nehmen Sie feinere Bilddaten oder ein anderes Modell.</translation>
    </message>
    <message>
        <source>Model's default</source>
        <translation>Vorgabe des Modells</translation>
    </message>
    <message>
        <source>Road probability from which on something is road, between 0 and 1</source>
        <translation>Straßenwahrscheinlichkeit, ab der etwas als Straße gilt, zwischen 0 und 1</translation>
    </message>
    <message>
        <source>The imagery in which roads are sought</source>
        <translation>Die Bilddaten, in denen Straßen gesucht werden</translation>
    </message>
</context>
<context>
    <name>ExtractTask</name>
    <message>
        <source>loading the model</source>
        <translation>Modell wird geladen</translation>
    </message>
</context>
<context>
    <name>Messages</name>
    <message>
        <source>Road Extractor</source>
        <translation>Road Extractor</translation>
    </message>
</context>
<context>
    <name>ModelCombo</name>
    <message>
        <source>Choose a file…</source>
        <translation>Datei wählen …</translation>
    </message>
    <message>
        <source>Choose a model</source>
        <translation>Modell wählen</translation>
    </message>
    <message>
        <source>Road Extractor models ({})</source>
        <translation>Road-Extractor-Modelle ({})</translation>
    </message>
    <message>
        <source>{:g} m/px</source>
        <translation>{:g} m/px</translation>
    </message>
</context>
<context>
    <name>ModelPicker</name>
    <message>
        <source>Card of the model</source>
        <translation>Steckbrief des Modells</translation>
    </message>
    <message>
        <source>What this model is, what it was made of, and how good it is</source>
        <translation>Was dieses Modell ist, woraus es entstand und wie gut es ist</translation>
    </message>
</context>
<context>
    <name>PresetCombo</name>
    <message>
        <source>Settings of the lines for a kind of place: gaps that are bridged, pieces that are kept</source>
        <translation>Einstellungen der Linien je Gebietstyp: welche Lücken überbrückt und welche Stücke behalten werden</translation>
    </message>
    <message>
        <source>any</source>
        <translation>beliebig</translation>
    </message>
    <message>
        <source>rural: villages, farms, fields</source>
        <translation>ländlich: Dörfer, Höfe, Felder</translation>
    </message>
    <message>
        <source>track: unpaved, also in forests</source>
        <translation>Wege: unbefestigt, auch im Wald</translation>
    </message>
    <message>
        <source>urban: dense streets</source>
        <translation>städtisch: dichtes Straßennetz</translation>
    </message>
</context>
<context>
    <name>ResultsController</name>
    <message>
        <source>Reading the figures…</source>
        <translation>Kennzahlen werden gelesen …</translation>
    </message>
    <message>
        <source>Road Extractor</source>
        <translation>Road Extractor</translation>
    </message>
</context>
<context>
    <name>ResultsPage</name>
    <message>
        <source>&amp;Add to the map</source>
        <translation>Zur &amp;Karte hinzufügen</translation>
    </message>
    <message>
        <source>&amp;Copy as text</source>
        <translation>Als &amp;Text kopieren</translation>
    </message>
    <message>
        <source>&amp;Runs, the newest first</source>
        <translation>&amp;Läufe, neueste zuerst</translation>
    </message>
    <message>
        <source>Area (km²)</source>
        <translation>Fläche (km²)</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>Double-click a run to add its layers to the project again</source>
        <translation>Doppelklick auf einen Lauf fügt dessen Layer dem Projekt wieder hinzu</translation>
    </message>
    <message>
        <source>Finished</source>
        <translation>Beendet</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>Layer</translation>
    </message>
    <message>
        <source>No runs yet: extract roads on the page 'Layer'.</source>
        <translation>Noch keine Läufe: Extrahieren Sie Straßen auf der Seite „Layer“.</translation>
    </message>
    <message>
        <source>Road (km)</source>
        <translation>Straße (km)</translation>
    </message>
    <message>
        <source>Road statistics</source>
        <translation>Straßenstatistik</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>Läufe</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Time (s)</source>
        <translation>Zeit (s)</translation>
    </message>
    <message>
        <source>no network</source>
        <translation>ohne Netz</translation>
    </message>
    <message>
        <source>threshold {}</source>
        <translation>Schwellenwert {}</translation>
    </message>
</context>
<context>
    <name>RoadAlgorithm</name>
    <message>
        <source>'{}' is neither a raster nor lines</source>
        <translation>„{}“ ist weder ein Raster noch ein Linienlayer</translation>
    </message>
    <message>
        <source>Area (polygons)</source>
        <translation>Gebiet (Polygone)</translation>
    </message>
    <message>
        <source>Cannot write '{path}': {reason}</source>
        <translation>„{path}“ kann nicht geschrieben werden: {reason}</translation>
    </message>
    <message>
        <source>Centre-lines</source>
        <translation>Mittellinien</translation>
    </message>
    <message>
        <source>Choose another layer</source>
        <translation>Wählen Sie einen anderen Layer</translation>
    </message>
    <message>
        <source>Choose another place for the result</source>
        <translation>Wählen Sie einen anderen Ort für das Ergebnis</translation>
    </message>
    <message>
        <source>Compare roads with a reference</source>
        <translation>Straßen mit einer Referenz vergleichen</translation>
    </message>
    <message>
        <source>Device (auto, cpu, openvino, cuda, tensorrt, directml, coreml)</source>
        <translation>Gerät (auto, cpu, openvino, cuda, tensorrt, directml, coreml)</translation>
    </message>
    <message>
        <source>Draw one, or leave the area empty</source>
        <translation>Zeichnen Sie eines, oder lassen Sie das Gebiet leer</translation>
    </message>
    <message>
        <source>Extent</source>
        <translation>Ausdehnung</translation>
    </message>
    <message>
        <source>Extract roads</source>
        <translation>Straßen extrahieren</translation>
    </message>
    <message>
        <source>Extract roads from a folder of images</source>
        <translation>Straßen aus einem Ordner mit Bildern extrahieren</translation>
    </message>
    <message>
        <source>Figures</source>
        <translation>Kennzahlen</translation>
    </message>
    <message>
        <source>Finds the roads in an aerial or satellite image with a neural network: a raster of road probability, a mask, road polygons, and a network of centre-lines whose lines meet in nodes and carry length, width and confidence.

Give an extent, or a layer of polygons (its selected features, if you tick that), to look only there. Imagery of any coordinate reference system is brought to the ground resolution that the model wants.

A lower threshold finds more roads and more that are none.</source>
        <translation>Findet mit einem neuronalen Netz die Straßen in einem Luft- oder Satellitenbild: ein Raster der Straßenwahrscheinlichkeit, eine Maske, Straßenpolygone und ein Netz von Mittellinien, die sich in Knoten treffen und Länge, Breite und Konfidenz tragen.

Mit einer Ausdehnung oder einem Polygonlayer (auf Wunsch nur dessen gewählten Objekten) wird nur dort gesucht. Bilddaten in jedem Koordinatenbezugssystem werden auf die Bodenauflösung gebracht, die das Modell braucht.

Ein niedrigerer Schwellenwert findet mehr Straßen, aber auch mehr, was keine ist.</translation>
    </message>
    <message>
        <source>Finds the roads in every raster of a folder and writes the results of each into the output folder, in the same tree of folders, with a table of what became of each. What is wrong with one raster does not stop the others.

At the end all are traced once more as one network: roads of overlapping images are not doubled, and those of neighbouring ones join.

A batch that was stopped goes on when the results that exist are kept.</source>
        <translation>Findet die Straßen in jedem Raster eines Ordners und schreibt die Ergebnisse in derselben Ordnerstruktur in den Ausgabeordner, mit einer Tabelle darüber, was aus jedem wurde. Ein Fehler in einem Raster hält die anderen nicht auf.

Am Ende werden alle noch einmal als ein Netz verfolgt: Straßen überlappender Bilder werden nicht verdoppelt, die benachbarter Bilder schließen aneinander an.

Eine angehaltene Stapelverarbeitung geht weiter, wenn vorhandene Ergebnisse behalten werden.</translation>
    </message>
    <message>
        <source>Folder for the results</source>
        <translation>Ordner für die Ergebnisse</translation>
    </message>
    <message>
        <source>Folder of images</source>
        <translation>Ordner mit Bildern</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>Images that failed</source>
        <translation>Fehlgeschlagene Bilder</translation>
    </message>
    <message>
        <source>Images with results</source>
        <translation>Bilder mit Ergebnissen</translation>
    </message>
    <message>
        <source>JSON files (*.json)</source>
        <translation>JSON-Dateien (*.json)</translation>
    </message>
    <message>
        <source>Keep results that exist</source>
        <translation>Vorhandene Ergebnisse behalten</translation>
    </message>
    <message>
        <source>Kind of place</source>
        <translation>Gebietstyp</translation>
    </message>
    <message>
        <source>Largest hole in it that is filled, in square metres</source>
        <translation>Größtes Loch darin, das gefüllt wird, in Quadratmetern</translation>
    </message>
    <message>
        <source>Least road of a separate network</source>
        <translation>Mindestlänge eines getrennten Netzes</translation>
    </message>
    <message>
        <source>Length of road, in kilometres</source>
        <translation>Straßenlänge in Kilometern</translation>
    </message>
    <message>
        <source>Lines stay this close to the traced pixels</source>
        <translation>So nah bleiben Linien an den verfolgten Pixeln</translation>
    </message>
    <message>
        <source>Longest gap that is bridged (0 bridges none)</source>
        <translation>Längste Lücke, die überbrückt wird (0 überbrückt keine)</translation>
    </message>
    <message>
        <source>Make one network of all</source>
        <translation>Ein Netz aus allen bilden</translation>
    </message>
    <message>
        <source>Makes mask, polygons and a network of centre-lines from a raster of road probability, without the neural network and in seconds: try other thresholds and other settings of the lines.

Any mask of 0 and 1, or of 0 and 255, will do as well.</source>
        <translation>Macht aus einem Raster der Straßenwahrscheinlichkeit in Sekunden und ohne das neuronale Netz Maske, Polygone und ein Netz von Mittellinien: für andere Schwellenwerte und andere Einstellungen der Linien.

Jede Maske aus 0 und 1 oder aus 0 und 255 geht ebenso.</translation>
    </message>
    <message>
        <source>Mask of where to compare rasters</source>
        <translation>Maske, in der Raster verglichen werden</translation>
    </message>
    <message>
        <source>Metres per pixel of a raster without a coordinate reference system</source>
        <translation>Meter pro Pixel eines Rasters ohne Koordinatenbezugssystem</translation>
    </message>
    <message>
        <source>Model (empty: the bundled one)</source>
        <translation>Modell (leer: das mitgelieferte)</translation>
    </message>
    <message>
        <source>Names of the images</source>
        <translation>Namen der Bilder</translation>
    </message>
    <message>
        <source>Network of all</source>
        <translation>Netz aus allen</translation>
    </message>
    <message>
        <source>Nodes</source>
        <translation>Knoten</translation>
    </message>
    <message>
        <source>Number of separate networks</source>
        <translation>Anzahl getrennter Netze</translation>
    </message>
    <message>
        <source>Reference of the same kind</source>
        <translation>Referenz gleicher Art</translation>
    </message>
    <message>
        <source>Replace results that exist</source>
        <translation>Vorhandene Ergebnisse ersetzen</translation>
    </message>
    <message>
        <source>Result (mask, probability or lines)</source>
        <translation>Ergebnis (Maske, Wahrscheinlichkeit oder Linien)</translation>
    </message>
    <message>
        <source>Road Extractor models ({})</source>
        <translation>Road-Extractor-Modelle ({})</translation>
    </message>
    <message>
        <source>Road mask</source>
        <translation>Straßenmaske</translation>
    </message>
    <message>
        <source>Road network from probability</source>
        <translation>Straßennetz aus Wahrscheinlichkeit</translation>
    </message>
    <message>
        <source>Road polygons</source>
        <translation>Straßenpolygone</translation>
    </message>
    <message>
        <source>Road probability</source>
        <translation>Straßenwahrscheinlichkeit</translation>
    </message>
    <message>
        <source>Road probability or mask</source>
        <translation>Straßenwahrscheinlichkeit oder Maske</translation>
    </message>
    <message>
        <source>Save the layer as a GeoPackage and choose that</source>
        <translation>Speichern Sie den Layer als GeoPackage und wählen Sie dieses</translation>
    </message>
    <message>
        <source>Says how well a result agrees with a reference. Two masks or probability rasters: precision, recall, F1, IoU, also relaxed by 3 pixels. Two layers of lines: APLS and TOPO, which tell whether routes are the same, and the length found.

Each figure names its protocol.</source>
        <translation>Sagt, wie gut ein Ergebnis mit einer Referenz übereinstimmt. Zwei Masken oder Wahrscheinlichkeitsraster: Precision, Recall, F1 und IoU, auch mit 3 Pixeln Toleranz. Zwei Linienlayer: APLS und TOPO, die sagen, ob Wege gleich sind, und die gefundene Länge.

Jede Kennzahl nennt ihr Protokoll.</translation>
    </message>
    <message>
        <source>Search the folders below, too</source>
        <translation>Auch Unterordner durchsuchen</translation>
    </message>
    <message>
        <source>Shortest dead end to keep</source>
        <translation>Kürzeste Sackgasse, die bleibt</translation>
    </message>
    <message>
        <source>Smallest piece of road surface, in square metres</source>
        <translation>Kleinstes Stück Straßenfläche, in Quadratmetern</translation>
    </message>
    <message>
        <source>Table of the images</source>
        <translation>Tabelle der Bilder</translation>
    </message>
    <message>
        <source>The image</source>
        <translation>Das Bild</translation>
    </message>
    <message>
        <source>The layer of the area has no polygon</source>
        <translation>Der Gebietslayer hat kein Polygon</translation>
    </message>
    <message>
        <source>The lines of '{name}' cannot be read: {reason}</source>
        <translation>Die Linien von „{name}“ können nicht gelesen werden: {reason}</translation>
    </message>
    <message>
        <source>The raster</source>
        <translation>Das Raster</translation>
    </message>
    <message>
        <source>Threshold of probability (empty: the model's)</source>
        <translation>Schwellenwert der Wahrscheinlichkeit (leer: der des Modells)</translation>
    </message>
    <message>
        <source>a raster layer or a layer of lines</source>
        <translation>ein Rasterlayer oder ein Linienlayer</translation>
    </message>
    <message>
        <source>a raster layer or a raster file</source>
        <translation>ein Rasterlayer oder eine Rasterdatei</translation>
    </message>
    <message>
        <source>{:.2f} km of road. </source>
        <translation>{:.2f} km Straße. </translation>
    </message>
    <message>
        <source>{km:.2f} km of road in {lines} lines.</source>
        <translation>{km:.2f} km Straße in {lines} Linien.</translation>
    </message>
    <message>
        <source>{km:.2f} km of road in {lines} lines; {area:.2f} km2 on {device}.</source>
        <translation>{km:.2f} km Straße in {lines} Linien; {area:.2f} km² auf {device}.</translation>
    </message>
    <message>
        <source>{} images</source>
        <translation>{} Bilder</translation>
    </message>
</context>
<context>
    <name>RoadExtractorDock</name>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>Layer</translation>
    </message>
    <message>
        <source>Results</source>
        <translation>Ergebnisse</translation>
    </message>
    <message>
        <source>Road Extractor</source>
        <translation>Road Extractor</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>Schwellenwert</translation>
    </message>
</context>
<context>
    <name>RoadExtractorPlugin</name>
    <message>
        <source>Engine set-up…</source>
        <translation>Rechenkern einrichten …</translation>
    </message>
    <message>
        <source>Extract roads</source>
        <translation>Straßen extrahieren</translation>
    </message>
    <message>
        <source>Extract roads from the active raster layer, in the visible extent</source>
        <translation>Straßen aus dem aktiven Rasterlayer im Kartenausschnitt extrahieren</translation>
    </message>
    <message>
        <source>Road Extractor</source>
        <translation>Road Extractor</translation>
    </message>
    <message>
        <source>Show panel</source>
        <translation>Bedienfeld anzeigen</translation>
    </message>
</context>
<context>
    <name>RunPanel</name>
    <message>
        <source>&amp;Cancel</source>
        <translation>&amp;Abbrechen</translation>
    </message>
    <message>
        <source>&amp;Fetch missing imagery again</source>
        <translation>&amp;Fehlende Bilddaten nachladen</translation>
    </message>
    <message>
        <source>&amp;Run</source>
        <translation>&amp;Starten</translation>
    </message>
    <message>
        <source>Fetches only the tiles that are missing, and looks for roads once more with them</source>
        <translation>Lädt nur die fehlenden Kacheln und sucht damit noch einmal nach Straßen</translation>
    </message>
    <message>
        <source>Goes on where the run was stopped; what is finished is not computed again</source>
        <translation>Macht weiter, wo der Lauf angehalten wurde; was fertig ist, wird nicht noch einmal berechnet</translation>
    </message>
    <message>
        <source>Open the folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>Fortschritt</translation>
    </message>
    <message>
        <source>Res&amp;ume the stopped run ({} % done)</source>
        <translation>Unterbrochenen Lauf for&amp;tsetzen ({} % fertig)</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>Wird gestartet</translation>
    </message>
    <message>
        <source>Starts when the run that is on is done</source>
        <translation>Beginnt, wenn der laufende Durchgang fertig ist</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>Wird angehalten</translation>
    </message>
    <message>
        <source>about {:.0f} min left</source>
        <translation>noch etwa {:.0f} min</translation>
    </message>
    <message>
        <source>about {:.0f} s left</source>
        <translation>noch etwa {:.0f} s</translation>
    </message>
    <message>
        <source>{device}, {runtime}: {reason}</source>
        <translation>{device}, {runtime}: {reason}</translation>
    </message>
    <message>
        <source>{length:.2f} km of road in {area:.2f} km², {seconds:.0f} s on {device}</source>
        <translation>{length:.2f} km Straße auf {area:.2f} km², {seconds:.0f} s auf {device}</translation>
    </message>
    <message>
        <source>{} waiting</source>
        <translation>{} in der Warteschlange</translation>
    </message>
</context>
<context>
    <name>SetupController</name>
    <message>
        <source>Choose the Python program.</source>
        <translation>Wählen Sie das Python-Programm.</translation>
    </message>
    <message>
        <source>Choose the folder with the wheels.</source>
        <translation>Wählen Sie den Ordner mit den Wheels.</translation>
    </message>
    <message>
        <source>From now on the engine runs on {}.</source>
        <translation>Der Rechenkern läuft ab jetzt mit {}.</translation>
    </message>
    <message>
        <source>The diagnostics are in the clipboard.</source>
        <translation>Die Diagnose liegt in der Zwischenablage.</translation>
    </message>
    <message>
        <source>The engine computes correctly.</source>
        <translation>Der Rechenkern rechnet richtig.</translation>
    </message>
    <message>
        <source>The engine was removed.</source>
        <translation>Der Rechenkern wurde entfernt.</translation>
    </message>
    <message>
        <source>install the engine</source>
        <translation>Rechenkern installieren</translation>
    </message>
    <message>
        <source>look at the engine</source>
        <translation>Rechenkern ansehen</translation>
    </message>
    <message>
        <source>remove the engine</source>
        <translation>Rechenkern entfernen</translation>
    </message>
    <message>
        <source>test the engine</source>
        <translation>Rechenkern testen</translation>
    </message>
</context>
<context>
    <name>SetupDialog</name>
    <message>
        <source> - recommended here</source>
        <translation> - hier empfohlen</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>&amp;Abbrechen</translation>
    </message>
    <message>
        <source>&amp;Engine</source>
        <translation>Rechen&amp;kern</translation>
    </message>
    <message>
        <source>&amp;Install</source>
        <translation>Installie&amp;ren</translation>
    </message>
    <message>
        <source>&amp;Remove</source>
        <translation>&amp;Entfernen</translation>
    </message>
    <message>
        <source>&amp;Use it</source>
        <translation>&amp;Verwenden</translation>
    </message>
    <message>
        <source>&amp;nothing: use a Python that has the packages already</source>
        <translation>&amp;nichts: ein Python verwenden, das die Pakete schon hat</translation>
    </message>
    <message>
        <source>C&amp;lose</source>
        <translation>S&amp;chließen</translation>
    </message>
    <message>
        <source>Copy &amp;diagnostics</source>
        <translation>&amp;Diagnose kopieren</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>Folder of wheels</source>
        <translation>Ordner mit Wheels</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>Installieren</translation>
    </message>
    <message>
        <source>Python program</source>
        <translation>Python-Programm</translation>
    </message>
    <message>
        <source>Road Extractor: engine set-up</source>
        <translation>Road Extractor: Rechenkern einrichten</translation>
    </message>
    <message>
        <source>Self-&amp;test</source>
        <translation>Selbst&amp;test</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>The neural network needs libraries that QGIS does not bring. They are put into a folder of their own; the Python of QGIS stays as it is, and removing the engine removes that folder only.</source>
        <translation>Das neuronale Netz braucht Bibliotheken, die QGIS nicht mitbringt. Sie kommen in einen eigenen Ordner; das Python von QGIS bleibt, wie es ist, und mit dem Rechenkern wird nur dieser Ordner entfernt.</translation>
    </message>
    <message>
        <source>What happens</source>
        <translation>Was geschieht</translation>
    </message>
    <message>
        <source>about {download} MB to download, {disk} MB on the disk</source>
        <translation>etwa {download} MB zum Herunterladen, {disk} MB auf der Festplatte</translation>
    </message>
    <message>
        <source>from a &amp;folder of wheels, without the Internet</source>
        <translation>aus einem &amp;Ordner mit Wheels, ohne Internet</translation>
    </message>
    <message>
        <source>from the Internet (&amp;pypi.org, with the proxy of QGIS)</source>
        <translation>aus dem &amp;Internet (pypi.org, mit dem Proxy von QGIS)</translation>
    </message>
</context>
<context>
    <name>SetupTask</name>
    <message>
        <source>Cancelled. Nothing was installed.</source>
        <translation>Abgebrochen. Nichts wurde installiert.</translation>
    </message>
    <message>
        <source>Something unexpected happened ({}).</source>
        <translation>Etwas Unerwartetes ist geschehen ({}).</translation>
    </message>
</context>
<context>
    <name>StatisticsPanel</name>
    <message>
        <source>Choose a run above.</source>
        <translation>Wählen Sie oben einen Lauf.</translation>
    </message>
    <message>
        <source>Road by confidence</source>
        <translation>Straße nach Konfidenz</translation>
    </message>
    <message>
        <source>Road statistics</source>
        <translation>Straßenstatistik</translation>
    </message>
</context>
<context>
    <name>StatisticsTask</name>
    <message>
        <source>The figures cannot be read ({}).</source>
        <translation>Die Kennzahlen können nicht gelesen werden ({}).</translation>
    </message>
</context>
<context>
    <name>ThresholdController</name>
    <message>
        <source>The map does not show this raster.</source>
        <translation>Die Karte zeigt dieses Raster nicht.</translation>
    </message>
    <message>
        <source>Zoom in for full detail: 1 pixel stands for {:.1f}.</source>
        <translation>Für volle Genauigkeit hineinzoomen: 1 Pixel steht für {:.1f}.</translation>
    </message>
    <message>
        <source>{km:.2f} km of road in the visible part.</source>
        <translation>{km:.2f} km Straße im sichtbaren Teil.</translation>
    </message>
    <message>
        <source>{km:.2f} km of road in {lines} lines.</source>
        <translation>{km:.2f} km Straße in {lines} Linien.</translation>
    </message>
</context>
<context>
    <name>ThresholdPage</name>
    <message>
        <source>&amp;Apply to the whole raster</source>
        <translation>&amp;Auf das ganze Raster anwenden</translation>
    </message>
    <message>
        <source>&amp;Kind of place</source>
        <translation>Geb&amp;ietstyp</translation>
    </message>
    <message>
        <source>&amp;Probability</source>
        <translation>&amp;Wahrscheinlichkeit</translation>
    </message>
    <message>
        <source>&amp;Show on the map</source>
        <translation>In der &amp;Karte anzeigen</translation>
    </message>
    <message>
        <source>&amp;Threshold</source>
        <translation>&amp;Schwellenwert</translation>
    </message>
    <message>
        <source>A road probability that an earlier run has stored</source>
        <translation>Eine Straßenwahrscheinlichkeit, die ein früherer Lauf gespeichert hat</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>Schwellenwert</translation>
    </message>
    <message>
        <source>To the left more is road, to the right only what is sure</source>
        <translation>Nach links gilt mehr als Straße, nach rechts nur Sicheres</translation>
    </message>
</context>
<context>
    <name>card_text</name>
    <message>
        <source>Data</source>
        <translation>Daten</translation>
    </message>
    <message>
        <source>File</source>
        <translation>Datei</translation>
    </message>
    <message>
        <source>Imagery</source>
        <translation>Bilddaten</translation>
    </message>
    <message>
        <source>Its maker gave no figures.</source>
        <translation>Der Hersteller hat keine Kennzahlen angegeben.</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>Lizenz</translation>
    </message>
    <message>
        <source>Measured</source>
        <translation>Gemessen</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netz</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>Schwellenwert</translation>
    </message>
    <message>
        <source>not said</source>
        <translation>nicht angegeben</translation>
    </message>
    <message>
        <source>{bands}; {finest} to {coarsest} m per pixel, best {best}</source>
        <translation>{bands}; {finest} bis {coarsest} m pro Pixel, am besten {best}</translation>
    </message>
</context>
<context>
    <name>estimate</name>
    <message>
        <source>About {tiles:,} tiles are fetched, {download:,.0f} MB; they take {disk:,.0f} MB of disk meanwhile.</source>
        <translation>Etwa {tiles:,} Kacheln werden geladen, {download:,.0f} MB; sie belegen so lange {disk:,.0f} MB auf der Festplatte.</translation>
    </message>
    <message>
        <source>Imagery has {found:.2f} m per pixel on the ground{level}, the model wants {wanted:.2f} m.</source>
        <translation>Die Bilddaten haben {found:.2f} m pro Pixel am Boden{level}, das Modell braucht {wanted:.2f} m.</translation>
    </message>
    <message>
        <source>That takes about a minute.</source>
        <translation>Das dauert etwa eine Minute.</translation>
    </message>
    <message>
        <source>That takes about {minutes:,.0f} minutes.</source>
        <translation>Das dauert etwa {minutes:,.0f} Minuten.</translation>
    </message>
    <message>
        <source>That takes less than a minute.</source>
        <translation>Das dauert weniger als eine Minute.</translation>
    </message>
    <message>
        <source>The terms of use of {owner} forbid to download imagery in bulk: make sure that you may.</source>
        <translation>Die Nutzungsbedingungen von {owner} verbieten es, Bilddaten in großer Menge herunterzuladen: Vergewissern Sie sich, dass Sie es dürfen.</translation>
    </message>
    <message>
        <source>{area:,.2f} km² are {megapixels:,.1f} megapixels.</source>
        <translation>{area:,.2f} km² sind {megapixels:,.1f} Megapixel.</translation>
    </message>
</context>
<context>
    <name>feedback</name>
    <message>
        <source>{:,} of {:,} tiles of imagery</source>
        <translation>{:,} von {:,} Kacheln Bilddaten</translation>
    </message>
</context>
<context>
    <name>imagery</name>
    <message>
        <source>as the map shows it</source>
        <translation>wie die Karte sie zeigt</translation>
    </message>
</context>
<context>
    <name>layer_file</name>
    <message>
        <source>Choose a raster file, or save it as a GeoTIFF (Export &gt; Save As)</source>
        <translation>Wählen Sie eine Rasterdatei, oder speichern Sie ihn als GeoTIFF (Export &gt; Speichern als)</translation>
    </message>
    <message>
        <source>Repair its data source, or choose another layer</source>
        <translation>Reparieren Sie die Datenquelle, oder wählen Sie einen anderen Layer</translation>
    </message>
    <message>
        <source>Save it as a GeoTIFF (Export &gt; Save As) and choose that</source>
        <translation>Speichern Sie ihn als GeoTIFF (Export &gt; Speichern als) und wählen Sie dieses</translation>
    </message>
    <message>
        <source>Write one into the file with Raster &gt; Projections &gt; Assign Projection</source>
        <translation>Schreiben Sie eines mit Raster &gt; Projektionen &gt; Projektion zuweisen in die Datei</translation>
    </message>
    <message>
        <source>has no coordinate reference system in its file</source>
        <translation>hat kein Koordinatenbezugssystem in der Datei</translation>
    </message>
    <message>
        <source>is a broken layer</source>
        <translation>ist ein defekter Layer</translation>
    </message>
    <message>
        <source>is no raster file but a web service or database ('{}')</source>
        <translation>ist keine Rasterdatei, sondern ein Webdienst oder eine Datenbank („{}“)</translation>
    </message>
    <message>
        <source>is not a whole raster file on this computer ({})</source>
        <translation>ist keine vollständige Rasterdatei auf diesem Computer ({})</translation>
    </message>
</context>
<context>
    <name>layer_group</name>
    <message>
        <source>50 to 70 %</source>
        <translation>50 bis 70 %</translation>
    </message>
    <message>
        <source>70 to 85 %</source>
        <translation>70 bis 85 %</translation>
    </message>
    <message>
        <source>85 to 100 %</source>
        <translation>85 bis 100 %</translation>
    </message>
    <message>
        <source>Centre-lines</source>
        <translation>Mittellinien</translation>
    </message>
    <message>
        <source>Check that it is still there, and run again</source>
        <translation>Prüfen Sie, ob sie noch da ist, und starten Sie erneut</translation>
    </message>
    <message>
        <source>Imagery of {found:.2f} m per pixel, computed at {grid:.2f} m per pixel.</source>
        <translation>Bilddaten mit {found:.2f} m pro Pixel, gerechnet mit {grid:.2f} m pro Pixel.</translation>
    </message>
    <message>
        <source>Install the plugin again</source>
        <translation>Installieren Sie die Erweiterung neu</translation>
    </message>
    <message>
        <source>Missing imagery</source>
        <translation>Fehlende Bilddaten</translation>
    </message>
    <message>
        <source>Model '{name}', version {version}, on {device} ({runtime}).</source>
        <translation>Modell „{name}“, Version {version}, auf {device} ({runtime}).</translation>
    </message>
    <message>
        <source>Nodes</source>
        <translation>Knoten</translation>
    </message>
    <message>
        <source>QGIS cannot open the result '{}'</source>
        <translation>QGIS kann das Ergebnis „{}“ nicht öffnen</translation>
    </message>
    <message>
        <source>Road</source>
        <translation>Straße</translation>
    </message>
    <message>
        <source>Road mask</source>
        <translation>Straßenmaske</translation>
    </message>
    <message>
        <source>Road polygons</source>
        <translation>Straßenpolygone</translation>
    </message>
    <message>
        <source>Road probability</source>
        <translation>Straßenwahrscheinlichkeit</translation>
    </message>
    <message>
        <source>Roads found by Road Extractor in '{raster}'.</source>
        <translation>Straßen, die Road Extractor in „{raster}“ gefunden hat.</translation>
    </message>
    <message>
        <source>Roads: {}</source>
        <translation>Straßen: {}</translation>
    </message>
    <message>
        <source>The style '{}' cannot be read</source>
        <translation>Der Stil „{}“ kann nicht gelesen werden</translation>
    </message>
    <message>
        <source>below 50 %</source>
        <translation>unter 50 %</translation>
    </message>
</context>
<context>
    <name>map_area</name>
    <message>
        <source>Choose a smaller area, on the layer</source>
        <translation>Wählen Sie ein kleineres Gebiet auf dem Layer</translation>
    </message>
    <message>
        <source>Choose an area on the layer</source>
        <translation>Wählen Sie ein Gebiet auf dem Layer</translation>
    </message>
    <message>
        <source>No polygon of the layer '{}' is selected</source>
        <translation>Im Layer '{}' ist kein Polygon gewählt</translation>
    </message>
    <message>
        <source>Select or draw one</source>
        <translation>Wählen oder zeichnen Sie eines</translation>
    </message>
    <message>
        <source>The area cannot be placed in the layer's coordinates ({})</source>
        <translation>Das Gebiet lässt sich nicht in die Koordinaten des Layers umrechnen ({})</translation>
    </message>
    <message>
        <source>The area does not meet the layer '{}'</source>
        <translation>Das Gebiet liegt nicht auf dem Layer '{}'</translation>
    </message>
    <message>
        <source>The layer '{}' has no polygon</source>
        <translation>Der Layer '{}' hat kein Polygon</translation>
    </message>
    <message>
        <source>The map does not show the layer '{}'</source>
        <translation>Die Karte zeigt den Layer „{}“ nicht</translation>
    </message>
    <message>
        <source>Zoom to the layer, or choose the whole layer as the area</source>
        <translation>Zoomen Sie auf den Layer, oder wählen Sie als Gebiet den ganzen Layer</translation>
    </message>
</context>
<context>
    <name>statistics_rows</name>
    <message>
        <source>Area with imagery</source>
        <translation>Fläche mit Bilddaten</translation>
    </message>
    <message>
        <source>Bridged gaps</source>
        <translation>Überbrückte Lücken</translation>
    </message>
    <message>
        <source>Computed from</source>
        <translation>Berechnet aus</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>Mean width</source>
        <translation>Mittlere Breite</translation>
    </message>
    <message>
        <source>Missing imagery</source>
        <translation>Fehlende Bilddaten</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Road in all</source>
        <translation>Straße insgesamt</translation>
    </message>
    <message>
        <source>Separate networks</source>
        <translation>Getrennte Netze</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>Geschwindigkeit</translation>
    </message>
    <message>
        <source>a stored road probability, without the network</source>
        <translation>einer gespeicherten Straßenwahrscheinlichkeit, ohne das Netz</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keine</translation>
    </message>
    <message>
        <source>{km2} km² per hour, {seconds} s in all</source>
        <translation>{km2} km² pro Stunde, {seconds} s insgesamt</translation>
    </message>
    <message>
        <source>{km} km, {share} %</source>
        <translation>{km} km, {share} %</translation>
    </message>
    <message>
        <source>{missing} of {tiles} tiles</source>
        <translation>{missing} von {tiles} Kacheln</translation>
    </message>
    <message>
        <source>{} % of the rectangle: no data there, or outside the area</source>
        <translation>{} % des Rechtecks: dort keine Daten, oder außerhalb des Gebiets</translation>
    </message>
    <message>
        <source>{} km</source>
        <translation>{} km</translation>
    </message>
    <message>
        <source>{} km²</source>
        <translation>{} km²</translation>
    </message>
    <message>
        <source>{} m</source>
        <translation>{} m</translation>
    </message>
</context>
<context>
    <name>stored_result</name>
    <message>
        <source>Extract the roads of this image again</source>
        <translation>Extrahieren Sie die Straßen dieses Bildes erneut</translation>
    </message>
    <message>
        <source>The report '{path}' cannot be read ({reason})</source>
        <translation>Der Bericht „{path}“ kann nicht gelesen werden ({reason})</translation>
    </message>
</context>
</TS>
