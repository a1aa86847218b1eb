/** A span of time for people, in its two largest units: `0.3 s`, `2 min 5 s`, `3 h 20 min`, `5 d`. */
export function durationText(ms: number, locale = 'en'): string {
  if (ms < 950)
    return ms < 1 ? '0 s' : `${Math.max(0.1, Math.round(ms / 100) / 10).toLocaleString(locale)} s`;
  const totalS = Math.round(ms / 1000);
  const [days, hours, minutes, seconds] = [
    Math.floor(totalS / 86_400),
    Math.floor(totalS / 3600) % 24,
    Math.floor(totalS / 60) % 60,
    totalS % 60,
  ];
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes > 0) return seconds > 0 && minutes < 10 ? `${minutes} min ${seconds} s` : `${minutes} min`;
  return `${seconds} s`;
}
