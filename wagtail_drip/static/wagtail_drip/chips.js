/* The chip "Person's field" in Draftail: from the toolbar, or by "/". No build step: React, DraftJS
   and draftail are Wagtail's own globals. */
(() => {
  const { React, DraftJS } = window;

  class FieldSource extends React.Component {
    async componentDidMount() {
      const { entity, onClose } = this.props;
      const pick = window.wagtailDrip?.pickField;
      if (!pick || !document.getElementById('drip-field-picker')) { onClose(); return; }
      const found = await pick(entity ? entity.getData() : {});
      if (found) this.insert(found); else onClose();
    }

    insert({ field, fallback, token }) {
      const { editorState, entityType, entityKey, onComplete } = this.props;
      const { EditorState, Modifier } = DraftJS;
      let content = editorState.getCurrentContent();
      let selection = editorState.getSelection();
      if (entityKey) {
        // The chip under the cursor as a whole, so that the new one takes its place.
        const block = content.getBlockForKey(selection.getStartKey());
        block.findEntityRanges(
          (character) => character.getEntity() === entityKey,
          (start, end) => { selection = selection.merge({ anchorOffset: start, focusOffset: end, isBackward: false }); },
        );
      }
      content = content.createEntity(entityType.type, 'IMMUTABLE', { field, fallback });
      const key = content.getLastCreatedEntityKey();
      content = Modifier.replaceText(content, selection, token, null, key);
      const next = EditorState.push(editorState, content, 'insert-characters');
      onComplete(EditorState.forceSelection(next, content.getSelectionAfter()));
    }

    render() { return null; }
  }

  function Chip({ entityKey, contentState, children, onEdit }) {
    const { field, fallback } = contentState.getEntity(entityKey).getData();
    const known = (window.wagtailDrip?.mergeFields?.() || []).find(({ name }) => name === field);
    return React.createElement(
      'span',
      {
        className: `drip-chip${known ? '' : ' drip-chip--unknown'}`,
        'data-label': (known ? known.label : field) + (fallback ? ` | ${fallback}` : ''),
        onDoubleClick: () => onEdit && onEdit(entityKey),
      },
      children,
    );
  }

  window.draftail.registerPlugin({ type: 'DRIP_FIELD', source: FieldSource, decorator: Chip }, 'entityTypes');
})();
