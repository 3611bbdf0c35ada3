// walk.mjs - holds a message or a view against limits; says each break with its JSON pointer.

const points = (text) => [...text].length;

export function walk(message, limits) {
  const found = [];
  const complain = (pointer, what) => found.push(`${pointer} ${what}`);

  function text(pointer, value, most, least = 1) {
    if (typeof value !== 'string') complain(pointer, 'is not text');
    else if (points(value) < least) complain(pointer, 'is empty');
    else if (points(value) > most) complain(pointer, `has ${points(value)} characters, more than ${most}`);
  }
  function optional(pointer, holder, key, most) {
    if (key in holder) text(`${pointer}/${key}`, holder[key], most);
  }
  function list(pointer, value, most, each) {
    if (!Array.isArray(value) || value.length === 0) return complain(pointer, 'is not a list of at least one');
    if (value.length > most) complain(pointer, `has ${value.length} items, more than ${most}`);
    value.forEach((item, i) => each(`${pointer}/${i}`, item));
  }
  function object(pointer, value, most) {
    text(`${pointer}/text`, value?.text, most);
    if (value?.type === 'mrkdwn' && value.verbatim !== true) complain(pointer, 'is mrkdwn and not verbatim');
  }
  function unique(pointer, seen, id) {
    if (id !== undefined && seen.has(id)) complain(pointer, 'comes twice');
    seen.add(id);
  }

  function button(pointer, element) {
    object(`${pointer}/text`, element.text, limits.SLACK_MAX_BUTTON_TEXT);
    text(`${pointer}/action_id`, element.action_id, limits.SLACK_MAX_ACTION_ID);
    optional(pointer, element, 'value', limits.SLACK_MAX_BUTTON_VALUE);
    optional(pointer, element, 'url', limits.SLACK_MAX_URL);
    optional(pointer, element, 'accessibility_label', limits.SLACK_MAX_BUTTON_LABEL);
    if (!element.confirm) return;
    object(`${pointer}/confirm/title`, element.confirm.title, limits.SLACK_MAX_CONFIRM_TITLE);
    object(`${pointer}/confirm/text`, element.confirm.text, limits.SLACK_MAX_CONFIRM_TEXT);
    object(`${pointer}/confirm/confirm`, element.confirm.confirm, limits.SLACK_MAX_CONFIRM_BUTTON);
    object(`${pointer}/confirm/deny`, element.confirm.deny, limits.SLACK_MAX_CONFIRM_BUTTON);
  }
  function image(pointer, element) {
    text(`${pointer}/alt_text`, element.alt_text, limits.SLACK_MAX_ALT_TEXT);
    optional(pointer, element, 'image_url', limits.SLACK_MAX_IMAGE_URL);
    if (element.title) object(`${pointer}/title`, element.title, limits.SLACK_MAX_IMAGE_TITLE);
  }

  let tables = 0;
  const kinds = {
    divider() {},
    header: (at, block) => object(`${at}/text`, block.text, limits.SLACK_MAX_HEADER),
    section(at, block) {
      if (block.text) object(`${at}/text`, block.text, limits.SLACK_MAX_SECTION);
      if (block.fields) list(`${at}/fields`, block.fields, limits.SLACK_MAX_FIELDS, (p, f) => object(p, f, limits.SLACK_MAX_FIELD));
      if (!block.text && !block.fields) complain(at, 'has neither text nor fields');
    },
    context: (at, block) =>
      list(`${at}/elements`, block.elements, limits.SLACK_MAX_CONTEXT_ELEMENTS, (p, e) =>
        e.type === 'image' ? image(p, e) : object(p, e, limits.SLACK_MAX_TEXT_OBJECT)),
    actions(at, block) {
      const seen = new Set();
      list(`${at}/elements`, block.elements, limits.SLACK_MAX_ACTIONS, (p, e) => {
        unique(`${p}/action_id`, seen, e.action_id);
        button(p, e);
      });
      if (block.elements?.filter((e) => e.style === 'primary').length > 1) complain(at, 'has two primary buttons');
    },
    image,
    table(at, block) {
      if (++tables > limits.SLACK_MAX_TABLES) complain(at, 'is a second table');
      let characters = 0;
      list(`${at}/rows`, block.rows, limits.SLACK_MAX_TABLE_ROWS, (p, row) => {
        if (row.length !== block.rows[0].length) complain(p, 'is not as long as the first row');
        list(p, row, limits.SLACK_MAX_TABLE_COLUMNS, (q, cell) => {
          if (cell.type === 'rich_text') return;
          text(`${q}/text`, cell.text, limits.SLACK_MAX_TABLE_CHARACTERS);
          characters += points(cell.text ?? '');
        });
      });
      if (characters > limits.SLACK_MAX_TABLE_CHARACTERS) complain(`${at}/rows`, `has ${characters} characters`);
      if (block.column_settings) list(`${at}/column_settings`, block.column_settings, limits.SLACK_MAX_TABLE_COLUMNS, () => {});
    },
    rich_text: (at, block) => list(`${at}/elements`, block.elements, Infinity, () => {}),
    markdown: (at, block) => text(`${at}/text`, block.text, limits.SLACK_MAX_MARKDOWN),
    input(at, block) {
      object(`${at}/label`, block.label, limits.SLACK_MAX_INPUT_LABEL);
      if (block.hint) object(`${at}/hint`, block.hint, limits.SLACK_MAX_INPUT_HINT);
      if ((block.element?.max_length ?? 0) > limits.SLACK_MAX_INPUT_LENGTH) complain(`${at}/element/max_length`, 'is too large');
    },
  };

  const isView = message.type === 'modal' || message.type === 'home';
  if (isView) {
    for (const part of ['title', 'submit', 'close'])
      if (message[part]) object(`/${part}`, message[part], limits.SLACK_MAX_VIEW_TITLE);
    if (message.private_metadata) text('/private_metadata', message.private_metadata, limits.SLACK_MAX_VIEW_METADATA);
    optional('', message, 'callback_id', limits.SLACK_MAX_VIEW_CALLBACK_ID);
  } else {
    text('/text', message.text, limits.SLACK_MAX_TEXT);
  }
  if (message.blocks === undefined) return found;

  const ids = new Set();
  list('/blocks', message.blocks, isView ? 100 : limits.SLACK_MAX_BLOCKS, (at, block) => {
    unique(`${at}/block_id`, ids, block.block_id);
    optional(at, block, 'block_id', limits.SLACK_MAX_BLOCK_ID);
    if (kinds[block.type]) kinds[block.type](at, block);
    else complain(`${at}/type`, `is ${block.type}, which nobody here draws`);
  });
  return found;
}
