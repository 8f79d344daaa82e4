// Three sounds that nobody mixes up, made here: right, wrong, done. With each a buzz of the hand, where there is a motor.

const TONES = { // [hertz, from s, for s, wave]
  right: [[1760, 0, 0.07, "sine"]],
  wrong: [[196, 0, 0.16, "square"], [147, 0.2, 0.28, "square"]],
  done: [[1047, 0, 0.09, "sine"], [1319, 0.1, 0.09, "sine"], [1568, 0.2, 0.16, "sine"]],
};
const BUZZ = { right: [35], wrong: [140, 70, 220], done: [40, 50, 40, 50, 90] };

let context = null;

/** A browser lets a page sound only once somebody has touched it: call this at each touch and key. */
export function wake() {
  context ??= new (globalThis.AudioContext ?? globalThis.webkitAudioContext)({ latencyHint: "interactive" });
  if (context.state === "suspended") context.resume();
}

/** Sounds and buzzes at once; `loud` from 0 to 1. */
export function play(name, loud = 1) {
  navigator.vibrate?.(BUZZ[name]);
  if (!context || !loud) return;
  for (const [hertz, from, lasts, wave] of TONES[name]) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const at = context.currentTime + from;
    tone.type = wave;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(loud * (wave === "square" ? 0.5 : 0.9), at);
    volume.gain.setTargetAtTime(0, at + lasts, 0.015); // cut short it would click
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + lasts + 0.1);
  }
}
