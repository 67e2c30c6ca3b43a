// Numbers as people read them.

export const whole = (value) => value.toLocaleString("en");
export const percent = (value) => `${(100 * value).toFixed(value >= 0.0995 || value === 0 ? 0 : value >= 0.001 ? 1 : 3)}%`;
export const bits = (value) => value.toFixed(value < 9.95 ? 1 : 0);

export function short(value) {
  if (value == null) return "–";
  if (Number.isInteger(value)) return whole(value);
  const size = Math.abs(value);
  return size >= 1000 || size < 0.001 ? value.toExponential(2) : value.toPrecision(4);
}
