import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { jobFilter } from "./routes/jobs-filter";
import { type LogSearch, logSearchOf } from "@/logs/address";
import { one, parseSearch, stringifySearch } from "./search";
import { NoSuchPage, PageComing, PageFailed } from "./shell/Failures";
import { Shell } from "./shell/Shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NoSuchPage });
const under = { getParentRoute: () => root } as const;

/** A search without rules: values are taken as they are written. */
const anySearch = (search: Record<string, unknown>) => search as Record<string, string | string[] | undefined>;

const routes = root.addChildren([
  createRoute({ ...under, path: "/", component: lazyRouteComponent(() => import("./routes/overview")) }),
  createRoute({
    ...under,
    path: "/jobs",
    validateSearch: jobFilter,
    component: lazyRouteComponent(() => import("./routes/jobs")),
  }),
  createRoute({
    ...under,
    path: "/jobs/new",
    validateSearch: (search): { from?: string } => ({ from: one(search["from"]) }),
    component: lazyRouteComponent(() => import("./routes/job-new")),
  }),
  createRoute({
    ...under,
    path: "/jobs/$jobId",
    validateSearch: (search): { tab?: string; attempt?: string } => ({ tab: one(search["tab"]), attempt: one(search["attempt"]) }),
    component: lazyRouteComponent(() => import("./routes/job")),
  }),
  createRoute({
    ...under,
    path: "/jobs/$jobId/logs",
    validateSearch: (search): LogSearch & { attempt?: string } => ({ attempt: one(search["attempt"]), ...logSearchOf(search) }),
    component: lazyRouteComponent(() => import("./routes/job-logs")),
  }),
  createRoute({ ...under, path: "/workers", validateSearch: anySearch, component: lazyRouteComponent(() => import("./routes/workers")) }),
  createRoute({ ...under, path: "/workers/$workerId", validateSearch: anySearch, component: lazyRouteComponent(() => import("./routes/worker")) }),
  createRoute({ ...under, path: "/providers", validateSearch: anySearch, component: lazyRouteComponent(() => import("./routes/providers")) }),
  createRoute({ ...under, path: "/providers/new", validateSearch: anySearch, component: lazyRouteComponent(() => import("./routes/provider-new")) }),
  createRoute({ ...under, path: "/providers/$providerId", validateSearch: anySearch, component: lazyRouteComponent(() => import("./routes/provider")) }),
  createRoute({ ...under, path: "/metrics", validateSearch: anySearch, component: lazyRouteComponent(() => import("./routes/metrics")) }),
  createRoute({ ...under, path: "/audit", validateSearch: anySearch, component: lazyRouteComponent(() => import("./routes/audit")) }),
]);

export const router = createRouter({
  routeTree: routes,
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPendingComponent: () => <PageComing lines={6} />,
  defaultErrorComponent: PageFailed,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
