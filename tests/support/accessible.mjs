// accessible.mjs - what a person without a mouse or with weak eyes would miss on a page; one sentence each.

// Runs inside the page. Colours are compared as WCAG 2.1 says (1.4.3): 4.5, large text 3.
function lookAround() {
  const found = [];
  const isShown = (element) => element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true }) && element.getClientRects().length > 0;
  const describe = (element) => `<${element.tagName.toLowerCase()}${element.id ? ` id=${element.id}` : ''} class="${element.className}">${(element.textContent ?? '').trim().slice(0, 40)}`;
  const nameOf = (element) => {
    const by = element.getAttribute('aria-labelledby');
    if (by) return by.split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim();
    return (element.getAttribute('aria-label') ?? [...(element.labels ?? [])].map((label) => label.textContent).join(' ')) || element.alt || element.textContent.trim();
  };

  for (const element of document.querySelectorAll('button, a[href], select, textarea, input, [role=button], [role=menuitem], dialog, [role=region], [role=log], nav, fieldset, table'))
    if (isShown(element) && !nameOf(element).trim()) found.push(`no name: ${describe(element)}`);
  for (const button of document.querySelectorAll('button[aria-label]')) {
    const seen = button.innerText.trim().toLowerCase();
    if (isShown(button) && /[a-z]/.test(seen) && !button.ariaLabel.toLowerCase().includes(seen)) found.push(`is called otherwise than it reads: ${describe(button)}`);
  }
  for (const image of document.querySelectorAll('img')) if (!image.hasAttribute('alt')) found.push(`no alt: ${image.src}`);
  for (const table of document.querySelectorAll('table')) if (isShown(table) && !table.querySelector('th')) found.push('a table without headings');
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) found.push(`the id ${id} stands more than once`);
  if (!document.documentElement.lang) found.push('no language');
  if (document.querySelectorAll('h1').length !== 1) found.push('not exactly one h1');
  if (!document.querySelector('main')) found.push('no main landmark');

  const parse = (colour) => {
    const parts = colour.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
  };
  const over = (top, below) => top.rgb.map((value, i) => value * top.alpha + below[i] * (1 - top.alpha));
  const groundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const dialog = document.querySelector('dialog[open]');
  for (const element of (dialog ?? document).querySelectorAll('*')) {
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent).join('').trim();
    if (!own || !/\w/.test(own) || !isShown(element) || element.closest('[aria-busy=true], .sr, noscript, option, script, title')) continue;
    const style = getComputedStyle(element), ground = groundOf(element);
    const text = over(parse(style.color), ground);
    const [more, less] = [light(text), light(ground)].sort((a, b) => b - a);
    const ratio = (more + 0.05) / (less + 0.05), size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < needed) found.push(`contrast ${ratio.toFixed(2)} < ${needed}: ${describe(element)}`);
  }
  return found;
}

export async function findBarriers(page) {
  return page.evaluate(lookAround);
}

// Text that runs out of the window, or a control too small for a thumb; for phones.
export async function findOverflow(page) {
  return page.evaluate(() => {
    const found = [], width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} px wide in a window of ${width} px`);
    for (const element of document.querySelectorAll('main *, dialog[open] *')) {
      const box = element.getBoundingClientRect();
      if (box.width === 0 || !element.checkVisibility() || element.closest('.table-holder, .suggestions, pre, .sr, .skip')) continue;
      if (box.right > width + 1 || box.left < -1) found.push(`<${element.tagName.toLowerCase()} class="${element.className}"> reaches from ${box.left | 0} to ${box.right | 0} px: ${element.textContent.trim().slice(0, 40)}`);
    }
    for (const button of document.querySelectorAll('#messages .actions button, dialog[open] button, .composer-row button'))
      if (button.checkVisibility() && button.getBoundingClientRect().height < 40) found.push(`a button of ${button.getBoundingClientRect().height} px: ${button.textContent}`);
    return found;
  });
}
