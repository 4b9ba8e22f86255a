// How long something took, or may take, and when it was, as every client says it.

/** Seconds as `0.4 s`, `42 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A guess, as coarse as it is: `40 s`, `12 min`, `3.5 h`, `2 d`. */
export function roughly(seconds: number): string {
  if (seconds < 55)
    return `${Math.max(1, seconds < 10 ? Math.round(seconds) : Math.round(seconds / 5) * 5)} s`;
  if (seconds < 5400) return `${Math.max(1, Math.round(seconds / 60))} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 1800) / 2} h`;
  return `${Math.round(seconds / 43_200) / 2} d`;
}

/**
 * A moment (RFC 3339) as seen from `now` (ms): `just now`, `5 min ago`, `today 14:02`, `yesterday 14:02`; an older one by
 * its day, as `dayOf` writes it, and the time.
 */
export function momentSeen(time: string, now: number, dayOf: (at: Date, today: Date) => string): string {
  const at = new Date(time);
  const seconds = (now - at.getTime()) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3570) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  const clock = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const today = new Date(now);
  const yesterday = new Date(now);
  yesterday.setDate(today.getDate() - 1);
  if (at.toDateString() === today.toDateString()) return `today ${clock}`;
  if (at.toDateString() === yesterday.toDateString()) return `yesterday ${clock}`;
  return `${dayOf(at, today)} ${clock}`;
}
