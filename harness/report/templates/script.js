'use strict';
(() => {
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (tag, given) => Object.assign(document.createElement(tag), given);

// Tables: a button in each heading; rows without a value stay last, equal ones keep their order.
const value = (row, column) => {
  const {dataset, textContent} = row.cells[column];
  const text = dataset.sort ?? textContent.trim();
  const number = /^[<\s]*([+−-]?[\d,]*\.?\d+)/.exec(text);
  return 'sort' in dataset || !number ? text : number[1].replaceAll(',', '').replace('−', '-');
};
for (const table of all('table.sortable')) {
  const body = table.tBodies[0];
  const heads = all('thead th', table);
  if (body.rows.length < 2) continue;
  heads.forEach((head, column) => {
    const name = head.textContent.trim();
    const button = make('button', {type: 'button', className: 'sort', title: `Sort by ${name}`});
    button.setAttribute('aria-label', `Sort by ${name}`);
    button.addEventListener('click', () => {
      const rows = [...body.rows].map(row => [value(row, column), row]);
      const known = rows.filter(([v]) => v !== '' && v !== '–');
      const numbers = known.every(([v]) => isFinite(v));
      const now = head.getAttribute('aria-sort');
      const up = now ? now === 'descending' : !numbers;
      const order = numbers ? (a, b) => a - b : (a, b) => a.localeCompare(b, 'en', {numeric: true});
      known.sort(([a], [b]) => up ? order(a, b) : order(b, a));
      heads.forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      body.append(...known.map(([, row]) => row), ...rows.filter(r => !known.includes(r)).map(([, row]) => row));
    });
    head.append('\u00a0', button);
  });
}

// Two networks: lists in place of all pairs.
const pairs = all('#pairs > .pair');
let choose = () => {};
if (pairs.length > 1) {
  const names = [...new Set(pairs.flatMap(pair => [pair.dataset.a, pair.dataset.b]))];
  const lists = ['Compare', 'with'].map(words => {
    const list = make('select');
    list.append(...names.map(name => make('option', {textContent: name})));
    const label = make('label', {textContent: `${words} `});
    label.append(list);
    return [label, list];
  });
  const every = make('button', {type: 'button', textContent: 'List all pairs'});
  const [first, second] = lists.map(([, list]) => list);
  choose = chosen => {
    pairs.forEach(pair => { pair.hidden = pair !== chosen; });
    chosen.open = true;
    if (![first.value, second.value].every(name => [chosen.dataset.a, chosen.dataset.b].includes(name))
        || first.value === second.value) [first.value, second.value] = [chosen.dataset.a, chosen.dataset.b];
    every.hidden = false;
  };
  const changed = (list, other) => {
    if (list.value === other.value) other.selectedIndex = list.selectedIndex ? 0 : 1;
    choose(pairs.find(pair => [first.value, second.value].every(
      name => [pair.dataset.a, pair.dataset.b].includes(name))));
  };
  first.addEventListener('change', () => changed(first, second));
  second.addEventListener('change', () => changed(second, first));
  every.addEventListener('click', () => {
    pairs.forEach(pair => { pair.hidden = pair.open = false; });
    every.hidden = true;
  });
  const row = make('p', {className: 'choice'});
  row.append(...lists.map(([label]) => label), every);
  pairs[0].parentElement.before(row);
  choose(pairs.find(pair => 'first' in pair.dataset) ?? pairs[0]);
}

// A link opens what it leads to.
const open = () => {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  const pair = target.closest('.pair');
  if (pair) choose(pair);
  for (let e = target; e; e = e.parentElement) if (e.localName === 'details') e.open = true;
  target.scrollIntoView();
};
addEventListener('hashchange', open);
open();

// On paper nothing is folded.
let folded = [];
addEventListener('beforeprint', () => {
  folded = all('details:not([open])');
  folded.forEach(e => { e.open = true; });
});
addEventListener('afterprint', () => folded.forEach(e => { e.open = false; }));

// The Markdown, copied.
const text = document.getElementById('markdown-text');
if (text) {
  const button = make('button', {type: 'button', textContent: 'Copy the Markdown'});
  const told = make('span', {className: 'quiet'});
  told.setAttribute('role', 'status');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      text.closest('details').open = true;
      getSelection().selectAllChildren(text);
      document.execCommand('copy');
    }
    told.textContent = ' Copied.';
  });
  const row = make('p', {className: 'choice'});
  row.append(button, told);
  text.closest('details').before(row);
}

// Where the reader is.
const links = new Map(all('#contents a').map(link => [link.hash.slice(1), link]));
const here = new IntersectionObserver(seen => {
  for (const {target, isIntersecting} of seen) {
    const link = links.get(target.id);
    if (isIntersecting) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}, {rootMargin: '-20% 0px -79% 0px'});
all('section[id]').filter(e => links.has(e.id)).forEach(e => here.observe(e));
})();
