/** What can go wrong between the pages and the server, as one type. */

export type FieldError = { field: string; message: string };

type Problem = { title?: string; detail?: string; code?: string; errors?: FieldError[] };

/** An answer that says no (`status` from the server), or no answer at all (`status` 0). */
export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly status: number,
    message: string,
    readonly code: string,
    readonly errors: readonly FieldError[] = [],
  ) {
    super(message);
  }

  /** Whether the same again may work without anyone changing anything. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export async function errorOf(response: Response): Promise<ApiError> {
  let problem: Problem = {};
  try {
    problem = (await response.json()) as Problem;
  } catch {
    // a proxy's page instead of problem+json: the status has to do
  }
  const message = problem.detail ?? problem.title ?? `${response.status} ${response.statusText}`.trim();
  return new ApiError(response.status, message, problem.code ?? `http.${response.status}`, problem.errors ?? []);
}
