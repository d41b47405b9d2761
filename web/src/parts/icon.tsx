import type { ReactNode } from "react";

/** Strokes on a grid of 24. */
const PATHS = {
  overview: "M4 13h7V4H4zM13 20h7v-9h-7zM4 20h7v-5H4zM13 4v5h7V4z",
  review: "M9 11l2.5 2.5L16 9M5 4h14v16H5z",
  runs: "M4 12h4l3-7 4 14 2-7h3",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",
  evidence: "M5 20V10M10 20V4M15 20v-8M20 20v-5",
  audit: "M6 3h9l4 4v14H6zM9 11h7M9 15h7",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  tokens: "M14 10a4 4 0 1 1-3.5 2L4 18.5V21h3v-2h2v-2h2l1.5-1.5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M19 5l-1.5 1.5M6.5 17.5L5 19",
  moon: "M20 14a8 8 0 0 1-10-10 8 8 0 1 0 10 10z",
  half: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  out: "M10 4H5v16h5M14 8l4 4-4 4M9 12h9",
  download: "M12 4v11M7 11l5 5 5-5M4 20h16",
  menu: "M4 6h16M4 12h16M4 18h16",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7",
  cross: "M6 6l12 12M18 6L6 18",
  wait: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2",
  edit: "M4 20l1-5L16 4l4 4L9 19z",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.1-1.5 2.4M12 17.5v.5",
  warn: "M12 4l9 16H3zM12 10v4M12 17v.5",
} as const;
export type IconName = keyof typeof PATHS;

/** Only beside a text that says the same, or in a button with a label. */
export const Icon = ({ name }: { readonly name: IconName }): ReactNode => (
  <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
