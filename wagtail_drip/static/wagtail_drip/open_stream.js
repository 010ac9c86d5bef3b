// A StreamBlock whose stand-in for unknown blocks can be shown, but not picked.
(function () {
  const Base = window.wagtailStreamField.blocks.StreamBlockDefinition;

  class OpenStreamBlockDefinition extends Base {
    constructor(name, groups, initialStates, meta) {
      super(name, groups, initialStates, meta);
      // The base class has read all of them by now; this list is what the picker offers.
      this.groupedChildBlockDefs = groups
        .map(([label, blocks]) => [label, blocks.filter((block) => block.name !== meta.standIn)])
        .filter(([, blocks]) => blocks.length > 0);
    }
  }

  window.telepath.register("wagtail_drip.OpenStreamBlock", OpenStreamBlockDefinition);
})();
