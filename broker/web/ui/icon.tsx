// The few signs of the page, drawn as lines.

const paths = {
  cross: "M4 4l8 8M12 4l-8 8",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM11 11l3.5 3.5",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.500 6 6 0 1 0 13.500 9.500z",
  half: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 5h4.500M8 8h6M8 11h4.500",
  bell: "M3.500 11.500h9c-1-1-1.200-2-1.200-4.500a3.300 3.300 0 0 0-6.600 0c0 2.500-.2 3.500-1.200 4.500zM6.800 14h2.400",
  pause: "M5.500 3v10M10.500 3v10",
  play: "M5 3l8 5-8 5z",
  again: "M13 8a5 5 0 1 1-1.500-3.600M13 2v3h-3",
  slow: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.500l2.500 1.500",
} as const;

export type IconName = keyof typeof paths;

/** One sign; what it means must be said beside it or by a label. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon is-line" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
