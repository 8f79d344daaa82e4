// What a scanner means by its keys. A scanner that plays keyboard sends places of keys, not letters: which letters they
// are, it decides by the country it is set to, whatever keyboard this machine is set to.

// The keys that have letters, row by row, as KeyboardEvent.code names them.
export const KEYS = [
  "Backquote", ..."1234567890".split("").map((digit) => `Digit${digit}`), "Minus", "Equal",
  ..."QWERTYUIOP".split("").map((letter) => `Key${letter}`), "BracketLeft", "BracketRight", "Backslash",
  ..."ASDFGHJKL".split("").map((letter) => `Key${letter}`), "Semicolon", "Quote", "IntlBackslash",
  ..."ZXCVBNM".split("").map((letter) => `Key${letter}`), "Comma", "Period", "Slash",
];

// Plain, with Shift, with AltGr; a blank is a dead key or none.
const LAYOUTS = {
  us: [
    "`1234567890-=qwertyuiop[]\\asdfghjkl;' zxcvbnm,./",
    "~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:\" ZXCVBNM<>?",
    "",
  ],
  uk: [
    "`1234567890-=qwertyuiop[]#asdfghjkl;'\\zxcvbnm,./",
    "¬!\"£$%^&*()_+QWERTYUIOP{}~ASDFGHJKL:@|ZXCVBNM<>?",
    "",
  ],
  de: [
    " 1234567890ß qwertzuiopü+#asdfghjklöä<yxcvbnm,.-",
    "°!\"§$%&/()=? QWERTZUIOPÜ*'ASDFGHJKLÖÄ>YXCVBNM;:_",
    "       {[]}\\ @          ~            |",
  ],
  fr: [
    "²&é\"'(-è_çà)=azertyuiop $*qsdfghjklmù<wxcvbn,;:!",
    " 1234567890°+AZERTYUIOP £µQSDFGHJKLM%>WXCVBN?./§",
    "  ~#{[|`\\^@]}",
  ],
};

export const NAMES = Object.keys(LAYOUTS);

/** A code to print as Code 128 or QR Code: scanned once, it shows by which layout the scanner means it. */
export const TEST = 'NEARSHELF-TEST ]@"#/_+()AZQWYM019';

const table = (row) => new Map(KEYS.map((code, nth) => [code, (row[nth] ?? "").trim()]));
const tables = Object.fromEntries(NAMES.map((name) => [name, LAYOUTS[name].map(table)]));

/** The letter of a key in a layout; empty when it has none, undefined when the layout does not know the key. */
export function letterOf(layout, { code, shift, altGr }) {
  if (code === "Space") return " ";
  const digit = /^Numpad([0-9])$/.exec(code);
  if (digit) return digit[1];
  return tables[layout]?.[altGr ? 2 : shift ? 1 : 0].get(code);
}
