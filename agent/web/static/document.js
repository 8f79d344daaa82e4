// Small steps on the document; nothing is touched that stays the same.

export function put(node, text) {
  const value = String(text ?? "");
  if (node.textContent !== value) node.textContent = value;
}

export function show(node, text) {
  put(node, text);
  node.hidden = !text;
}

export function mark(node, shape) {
  const name = `mark ${shape}`;
  if (node.className !== name) node.className = name;
}

export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** Makes the children of `list` follow `items`: kept by key, drawn again in place. */
export function keep(list, items, keyOf, build, draw) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const node = old.get(key) ?? build();
    node.dataset.key = key;
    old.delete(key);
    draw(node, item);
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

export function facts(list, pairs) {
  keep(list, pairs.filter(([, value]) => value !== null), ([term]) => term,
    () => make("div", "", make("dt"), make("dd")),
    (row, [term, value]) => { put(row.children[0], term); put(row.children[1], value); });
}
