/** The sign of Hodei: a cloud. */
export function Brand({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="9" className="fill-accent" />
      <path
        d="M10.5 22.5a4.75 4.75 0 0 1-.6-9.46 6.5 6.5 0 0 1 12.5 1.56 4 4 0 0 1-.4 7.9z"
        className="fill-none stroke-on-accent"
        strokeWidth="2.2"
        strokeLinejoin="round"
      />
    </svg>
  );
}
