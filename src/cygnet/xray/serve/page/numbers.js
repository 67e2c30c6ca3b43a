// Numbers as people read them; probabilities as the terminal has them.

export const whole = (value) => value.toLocaleString("en");
export const percent = (value) => `${(100 * value).toFixed(value >= 0.0995 || value === 0 ? 0 : 1)}%`; // of a share
export const probability = (value) => (value < 0.0005 ? power(value) : `${(100 * value).toFixed(1)}%`);
export const bits = (value) => value.toFixed(value < 9.95 ? 1 : 0);

export function short(value) {
  if (value == null) return "–";
  if (Number.isInteger(value)) return whole(value);
  const size = Math.abs(value);
  return size >= 1000 || size < 0.001 ? value.toExponential(2) : value.toPrecision(4);
}

const power = (value) => (value ? value.toExponential(0).replace(/-(\d)$/, "-0$1") : "0"); // 3e-06
