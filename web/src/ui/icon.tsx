// The client's own symbols, drawn as strokes. Always decoration: the words beside or behind them say the same.

const PATHS = {
  microphone:
    "M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3Zm-6.5-4v1a6.5 6.5 0 0 0 13 0v-1M12 18.5V22",
  microphoneOff:
    "M15 10.5V6a3 3 0 0 0-5.8-1M9 9v3a3 3 0 0 0 4.6 2.5M5.5 11v1a6.5 6.5 0 0 0 10 5.5M18.4 13.2c.1-.4.1-.8.1-1.2v-1M12 18.5V22M3.5 3.5l17 17",
  camera: "M3.5 7.5a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2ZM15.5 10.5l5-3v9l-5-3",
  cameraOff:
    "M10 5.5h3.5a2 2 0 0 1 2 2V11l5-3.5v9M15.5 15.5v1a2 2 0 0 1-2 2h-8a2 2 0 0 1-2-2v-9a2 2 0 0 1 1.3-1.9M3.5 3.5l17 17",
  screen: "M3.5 5.5h17v11h-17ZM9 20.5h6M12 16.5v4M12 13.5v-5M9.5 10.5 12 8l2.5 2.5",
  screenOff: "M3.5 5.5h17v11h-17ZM9 20.5h6M12 16.5v4M9.7 8.7l4.6 4.6M14.3 8.7l-4.6 4.6",
  chat: "M20.5 12a7.5 7.5 0 0 1-11 6.6L4 20l1.5-5A7.5 7.5 0 1 1 20.5 12Z",
  leave: "M3 14.5c5.5-5 12.5-5 18 0l-2.5 3-4-2v-2.8a12 12 0 0 0-5 0v2.8l-4 2Z",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  people:
    "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 19.5a6.5 6.5 0 0 1 13 0M16 5a3.5 3.5 0 0 1 0 6.3M18 14.2a6.5 6.5 0 0 1 3.5 5.3",
  link: "M10 14a4 4 0 0 0 5.7 0l3.2-3.2a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3.2 3.2a4 4 0 0 0 5.7 5.7l1-1",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6 6 18",
  send: "M4 12 20 4l-5 16-3.5-6.5Z",
  previous: "M14.5 6 8.5 12l6 6",
  next: "M9.5 6l6 6-6 6",
  sound: "M4 9.5v5h3.5l4.5 4v-13l-4.5 4ZM15.5 9a4.5 4.5 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  lock: "M6 11h12v9H6ZM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11M12 14.5v2",
  lockOpen: "M6 11h12v9H6ZM8.5 11V7.5a3.5 3.5 0 0 1 6.8-1.2M12 14.5v2",
  globe: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM3.5 12h17M12 3.5c5 5 5 12 0 17-5-5-5-12 0-17Z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width="1.375em"
      height="1.375em"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
