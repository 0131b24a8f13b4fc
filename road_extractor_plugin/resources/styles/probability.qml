<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis styleCategories="Symbology" version="3.22">
  <pipe>
    <rasterrenderer type="singlebandpseudocolor" alphaBand="-1" opacity="1" classificationMin="0" band="1" classificationMax="1">
      <rastershader>
        <colorrampshader maximumValue="1" colorRampType="INTERPOLATED" classificationMode="1" clip="0" minimumValue="0">
          <item alpha="0" color="#000004" label="0 %" value="0"/>
          <item alpha="120" color="#57106e" label="25 %" value="0.25"/>
          <item alpha="190" color="#bc3754" label="50 %" value="0.5"/>
          <item alpha="220" color="#f98e09" label="75 %" value="0.75"/>
          <item alpha="255" color="#fcffa4" label="100 %" value="1"/>
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
  </pipe>
</qgis>
