// What the store says in English, in another language: a table of its own sentences, `{}` for what varies, and what stands for
// them there, `{0}` for the first of these. What is not in the table is shown as the store said it.

const inside = (said) => said.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll("{}", "([^;]+?)");

/** A function from the store's words to those of the table; several sentences are parted by `; `. `word` is for what varies. */
export function translator(table, word = (one) => one) {
  const patterns = Object.entries(table).map(([said, here]) => [new RegExp(`^${inside(said)}$`), here]);
  const one = (said) => {
    for (const [pattern, here] of patterns) {
      const found = pattern.exec(said);
      if (found) return here.replace(/\{(\d)\}/g, (_, nth) => word(found[Number(nth) + 1].replace(/^'(.*)'$/, "$1")));
    }
    return undefined;
  };
  return (said) => one(said) ?? said.split("; ").map((part) => one(part) ?? part).join("; ");
}
