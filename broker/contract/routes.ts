// One plain object per operation: method, path, who may, what goes in, what comes out. OpenAPI and the
// permission test are derived from this table; http/ adds the handlers.
import { blobRoutes } from "./blob-routes.ts";
import { jobRoutes } from "./job-routes.ts";
import { resultRoutes } from "./result-routes.ts";
import { systemRoutes } from "./system-routes.ts";
import { workerRoutes } from "./worker-routes.ts";

export const routes = {
  ...jobRoutes,
  ...resultRoutes,
  ...workerRoutes,
  ...blobRoutes,
  ...systemRoutes,
} as const;

export type OperationId = keyof typeof routes;
