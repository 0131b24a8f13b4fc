<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22">
  <pipe>
    <rasterrenderer type="paletted" alphaBand="-1" opacity="1" band="1">
      <colorPalette>
        <paletteEntry alpha="170" color="#ff78dc" label="Road" value="1"/>
      </colorPalette>
    </rasterrenderer>
  </pipe>
</qgis>
