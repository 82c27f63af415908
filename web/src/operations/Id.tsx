import { Link } from "@tanstack/react-router";
import { shortId } from "@/jobs/JobRow";
import { CopyButton } from "@/parts";

/** An id; the whole of it as tooltip, and on the clipboard with one click. */
export function Id({ id, label }: { id: string; label?: string }) {
  return (
    <span className="inline-flex min-w-0 items-center gap-0.5">
      <span className="min-w-0 break-all font-mono text-xs">{id}</span>
      <span className="-my-1.5">
        <CopyButton text={id} label={label} />
      </span>
    </span>
  );
}

const to = {
  job: (id: string) => ({ to: "/jobs/$jobId", params: { jobId: id } }) as const,
  worker: (id: string) => ({ to: "/workers/$workerId", params: { workerId: id } }) as const,
  provider: (id: string) => ({ to: "/providers/$providerId", params: { providerId: id } }) as const,
};
export type Kind = keyof typeof to;

/** A way to the page of a job, worker or provider, by its id. */
export function IdLink({ kind, id, children }: { kind: Kind; id: string; children?: string }) {
  return (
    <Link {...to[kind](id)} title={id} className="whitespace-nowrap font-medium text-accent hover:underline">
      {children === undefined ? <span className="font-mono text-xs">{shortId(id)}</span> : <bdi>{children}</bdi>}
    </Link>
  );
}
