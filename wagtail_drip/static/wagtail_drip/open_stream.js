// A StreamBlock with blocks that can be shown, but not picked.
(function () {
  const Base = window.wagtailStreamField.blocks.StreamBlockDefinition;

  // Wagtail writes a block's title when it is opened or closed; here it follows what one types.
  function keepTitles(stream) {
    const root = stream.container?.[0];
    if (!root) return;
    const retitle = ({ target }) =>
      stream.children
        .filter((child) => child.element.contains(target))
        .forEach((child) => child.titleElement.text(child.getTextLabel({ maxLength: 70 }) || ""));
    ["input", "change"].forEach((name) => root.addEventListener(name, retitle));
    // Adding and removing blocks inside is done by the time the click is over.
    root.addEventListener("click", (event) => setTimeout(() => retitle(event), 0));
  }

  class OpenStreamBlockDefinition extends Base {
    constructor(name, groups, initialStates, meta) {
      super(name, groups, initialStates, meta);
      // The base class has read all of them by now; this list is what the picker offers.
      this.groupedChildBlockDefs = groups
        .map(([label, blocks]) => [label, blocks.filter((block) => !meta.notOffered.includes(block.name))])
        .filter(([, blocks]) => blocks.length > 0);
    }

    render(...args) {
      const stream = super.render(...args);
      keepTitles(stream);
      return stream;
    }
  }

  window.telepath.register("wagtail_drip.OpenStreamBlock", OpenStreamBlockDefinition);
})();
