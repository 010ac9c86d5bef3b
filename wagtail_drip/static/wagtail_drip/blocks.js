/* Headers of collapsed blocks as sentences, where Wagtail's label format can't make one. */
(() => {
  const { StructBlockDefinition } = window.wagtailStreamField.blocks;

  /** "1 day", "2 weeks" in the admin's language; the browser knows its plurals. */
  function duration(amount, unit) {
    const lang = document.documentElement.lang || 'en';
    const format = { style: 'unit', unit: unit.replace(/s$/, ''), unitDisplay: 'long' };
    return new Intl.NumberFormat(lang, format).format(amount);
  }

  /** A definition whose blocks get their header from `header(block, meta)`; "" for Wagtail's. */
  function withHeader(header) {
    return class extends StructBlockDefinition {
      render(...args) {
        const block = super.render(...args);
        const plain = block.getTextLabel.bind(block);
        block.getTextLabel = (options) => header(block, this.meta, options) || plain(options);
        return block;
      }
    };
  }

  /** The words with {names} filled in. */
  function say(words, values) {
    return words.replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? '…');
  }

  function chosen(name) {
    return (block, { words }) => (block.childBlocks[name].getValue() ? '' : words.none);
  }

  /** "3 days" as the two fields of a block say it; "…" where they say nothing. */
  function length({ amount, unit }) {
    const number = Number.parseInt(amount.getValue(), 10);
    try {
      return Number.isNaN(number) ? '…' : duration(number, unit.getValue());
    } catch {
      return '…'; // a unit that the browser doesn't know
    }
  }

  /** "weekdays 09:00–17:00, their time"; "" for an empty window. */
  function hours({ days, start, end }, words) {
    // A list of checkboxes has no value of its own: what is ticked is.
    const ticked = [...(days.element ?? days.widget.element).querySelectorAll('input:checked')];
    const chosen = ticked.map((input) => Number(input.value));
    const [from, until] = [start.getValue(), end.getValue()];
    const said = [];
    if (chosen.join() === '0,1,2,3,4') said.push(words.weekdays);
    else if (chosen.join() === '5,6') said.push(words.weekends);
    else if (chosen.length && chosen.length < 7)
      said.push(chosen.map((day) => words.days[day]).join(', '));
    if (from || until) said.push(`${from || '00:00'}–${until || '24:00'}`);
    if (!said.length && !chosen.length) return '';
    return words.theirs.replace('%s', said.join(' ') || words.every);
  }

  function then(text, block, words) {
    const window = hours(block.childBlocks.window.childBlocks, words);
    return window ? say(words.then, { wait: text, window }) : text;
  }

  function wait(block, { words }) {
    return then(length(block.childBlocks), block, words);
  }

  function waitHours(block, { words }) {
    return hours(block.childBlocks.window.childBlocks, words) || '…';
  }

  function waitDate(block) {
    const { date, time } = block.childBlocks;
    const day = new Date(`${date.getValue()}T00:00:00`);
    const lang = document.documentElement.lang || 'en';
    const said = Number.isNaN(day.getTime())
      ? date.getValue() || '…'
      : day.toLocaleDateString(lang, { dateStyle: 'long' });
    return `${said}, ${time.getValue() || '…'}`;
  }

  function waitDay(block, { words }) {
    const { amount, side, key, yearly } = block.childBlocks;
    const name = key.getValue() || '…';
    const ticked = (yearly.element ?? yearly.widget.element).checked ?? yearly.getValue();
    const day = (ticked ? words.next : words.their).replace('%s', name);
    const none = Number.parseInt(amount.getValue(), 10) === 0;
    const sides = { before: words.before, after: words.after };
    const time = length(block.childBlocks);
    return then(none ? day : say(sides[side.getValue()] ?? '…', { time, day }), block, words);
  }

  function waitEvent(block, { words }, options) {
    const { event, same } = block.childBlocks;
    let what = event.getValue() ? event.getTextLabel(options) : '…';
    if (same.getValue()) what += ` ${words.same.replace('%s', same.getValue())}`;
    return say(words.atMost, { event: what, time: length(block.childBlocks) });
  }

  function split(block) {
    const shares = block.childBlocks.ways.children;
    return shares.map(({ block: way }) => `${way.childBlocks.percent.getValue() || '…'} %`).join(' / ');
  }

  function ifElse(block, { words }, options) {
    const { match, conditions } = block.childBlocks;
    const asked = conditions.children.map((child) => child.getTextLabel(options) || '…');
    const [before, between] = words[match.getValue()] ?? words.all;
    return asked.length ? before + asked.join(between) : '…';
  }

  /** The label format filled in, with "…" for what isn't chosen. */
  function condition(block, { labelFormat }, options) {
    const filled = labelFormat.replace(/\{(\w+)\}/g, (_, name) => {
      const field = block.childBlocks[name];
      const missing = field?.blockDef.meta.required ? '…' : '';
      return (field?.getValue() && field.getTextLabel?.(options)) || missing;
    });
    return filled.trim();
  }

  /** "they placed an order (the same book) within 3 days" */
  function event(block, meta, options) {
    const { since, days, same, where, times, of } = block.childBlocks;
    const parts = [condition(block, meta, options)];
    if (same?.getValue()) parts.push(meta.words.same.replace('%s', same.getValue()));
    const asked = where.children.map((child) => child.getTextLabel(options) || '…');
    if (asked.length) parts.push(meta.words.where.replace('%s', asked.join(meta.words.and)));
    const total = times.getValue();
    const key = of.getValue();
    if (key || Number(total) > 1) {
      const often = say(key ? meta.words.sum : meta.words.times, { total, key });
      parts.push(`${parts.pop()}, ${often}`);
    }
    if (since.getValue() === 'entering') parts.push(meta.words.entering);
    if (since.getValue() === 'days') {
      const number = Number.parseInt(days.getValue(), 10);
      const time = Number.isNaN(number) ? '…' : duration(number, 'days');
      parts.push(meta.words.days.replace('%s', time));
    }
    return parts.join(' ');
  }

  window.telepath.register('wagtail_drip.SendBlock', withHeader(chosen('step')));
  window.telepath.register('wagtail_drip.EnrollBlock', withHeader(chosen('campaign')));
  window.telepath.register('wagtail_drip.WaitBlock', withHeader(wait));
  window.telepath.register('wagtail_drip.WaitHoursBlock', withHeader(waitHours));
  window.telepath.register('wagtail_drip.WaitDateBlock', withHeader(waitDate));
  window.telepath.register('wagtail_drip.WaitDayBlock', withHeader(waitDay));
  window.telepath.register('wagtail_drip.WaitEventBlock', withHeader(waitEvent));
  window.telepath.register('wagtail_drip.SplitBlock', withHeader(split));
  window.telepath.register('wagtail_drip.IfElseBlock', withHeader(ifElse));
  window.telepath.register(
    'wagtail_drip.GroupBlock',
    withHeader((block, meta, options) => `(${ifElse(block, meta, options)})`),
  );
  window.telepath.register('wagtail_drip.ConditionBlock', withHeader(condition));
  window.telepath.register('wagtail_drip.EventBlock', withHeader(event));
})();
