import { describe, expect, it } from "vitest";
import { type Draft, draftOf, EMPTY, specOf } from "@/form/draft";
import { tokens } from "@/form/highlight";
import { parseSpan, spanText } from "@/form/spans";
import { atFields, validate } from "@/form/validate";

const draft = (part: Partial<Draft>): Draft => ({ ...EMPTY, content: "true", ...part });
const wrong = (part: Partial<Draft>) => Object.keys(validate(draft(part)));

describe("a duration in a field", () => {
  it.each([
    ["", null],
    ["120000", 120_000],
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["1.5 s", 1500],
    ["2 d", 172_800_000],
    ["250ms", 250],
  ])("%j is understood", (text, ms) => expect(parseSpan(text)).toBe(ms));
  it.each(["soon", "5x", "1h3", "-1s"])("%j is not", (text) => expect(parseSpan(text)).toBeNaN());
  it.each([90_000, 5_400_000, 1500, 0, 90_061_000])("%i is written so that it is read the same", (ms) => expect(parseSpan(spanText(ms))).toBe(ms));
});

describe("a draft", () => {
  it("that asks for nothing but a command is sound and says nothing else", () => {
    expect(wrong({})).toEqual([]);
    expect(specOf(draft({}))).toEqual({ command: "true" });
  });

  it.each([
    [{ content: " " }, "command"],
    [{ kind: "exec", content: "echo 'open", image: "alpine" }, "command"],
    [{ kind: "exec", content: "echo" }, "image"],
    [{ kind: "script", interpreter: "" }, "script.interpreter"],
    [{ image: "two words" }, "image"],
    [{ env: [{ name: "A", value: "1" }, { name: "A", value: "2" }] }, "env.1"],
    [{ env: [{ name: "", value: "1" }] }, "env.0"],
    [{ cpu_cores: "many" }, "resources.cpu_cores"],
    [{ memory_mib: "1.5" }, "resources.memory_mib"],
    [{ execution: "soon" }, "timeout_ms"],
    [{ grace: "2h" }, "timeouts.grace_ms"],
    [{ allow_retry: true, max_attempts: "0" }, "retry.max_attempts"],
    [{ allow_retry: true, exit_codes: "1, 300" }, "retry.exit_codes"],
    [{ constraints: [{ key: "zone", operator: "Eq", values: "" }] }, "constraints.0"],
  ] as [Partial<Draft>, string][])("%j is wrong at its field", (part, field) => expect(wrong(part)).toEqual([field]));

  it("of a job inside a container takes the server's default image if it names none", () => {
    const job = draft({ kind: "exec", content: "id" });
    expect(validate(job, "debian:12")).toEqual({});
    expect(specOf(job, "debian:12")).toEqual({ command: ["id"], image: "debian:12" });
    expect(specOf({ ...job, image: "alpine" }, "debian:12").image).toBe("alpine");
    expect(specOf(draft({}), "debian:12")).toEqual({ command: "true" });
  });

  it("made from a program that ran outside a container does not ask for an image", () => {
    const again = draftOf({ command: ["echo", "a b"] });
    expect(validate(again)).toEqual({});
    expect(specOf(again)).toEqual({ command: "echo 'a b'" });
  });

  it("ignores rules of a retry that is not allowed", () => {
    expect(wrong({ allow_retry: false, max_attempts: "x" })).toEqual([]);
    expect(specOf(draft({ allow_retry: false, exit_codes: "1" })).retry).toBeUndefined();
  });

  it("becomes the spec that the service takes", () => {
    const spec = specOf(
      draft({
        name: " n ", kind: "exec", content: "echo 'a b'", image: "alpine", env: [{ name: "", value: "" }, { name: "A", value: "" }],
        cpu_cores: "0,5", execution: "2m", grace: "0", gpu: "1", priority: "high",
        allow_retry: true, exit_codes: "1, 2", labels: [{ name: "team", value: "x" }], tags: "a, b",
        constraints: [{ key: " zone ", operator: "In", values: "eu, us" }],
      }),
    );
    expect(spec).toEqual({
      name: "n",
      command: ["echo", "a b"],
      image: "alpine",
      env: { A: "" },
      resources: { cpu_cores: 0.5, gpu: 1 },
      timeout_ms: 120_000,
      timeouts: { grace_ms: 0 },
      priority: "high",
      retry: { max_attempts: 3, exit_codes: [1, 2] },
      labels: { team: "x" },
      tags: ["a", "b"],
      constraints: [{ key: "zone", operator: "In", values: ["eu", "us"] }],
    });
  });

  it.each([
    { command: "echo hi | wc" },
    { command: ["echo", "it's"], image: "alpine", pull: "always" as const, user: "0", entrypoint: "image" },
    { script: { interpreter: "python", content: "print(1)" }, env: { A: "1" }, timeout_ms: 5000 },
    { script: { interpreter: "/bin/zsh", content: "x", strict: false }, retry: { max_attempts: 4, signals: [9] } },
  ])("made from the job %j gives the same job again", (spec) => expect(specOf(draftOf(spec))).toEqual(spec));

  it("made from a job as the service shows it, with all defaults filled in, asks for no more", () => {
    const shown = {
      name: "x", command: "true", env: {}, image: "", pull: "missing" as const, timeout_ms: null,
      timeouts: { queue_ms: null, execution_ms: null, no_output_ms: null, total_ms: null, grace_ms: 10_000 },
      resources: { cpu_cores: 0, memory_mib: 0, storage_mib: 0, gpu: 0, architecture: "" }, constraints: [], provider: "", region: "",
      priority: "normal" as const, max_budget: null, retry: { max_attempts: 1, initial_ms: 1000, factor: 2, maximum_ms: 300_000, jitter: 0.2, exit_codes: [], signals: [], reasons: [] },
      on_worker_lost: "retry" as const, labels: {}, tags: [], working_dir: "", stdin: null, drop_logs: false,
    };
    expect(specOf(draftOf(shown))).toEqual({ name: "x", command: "true" });
  });
});

describe("what the server refuses", () => {
  const env = [{ name: "A", value: "" }, { name: "HOME", value: "x" }];
  it.each([
    ["spec.timeout_ms", "timeout_ms"],
    ["spec.timeouts.execution_ms", "timeout_ms"],
    ["spec.command[2]", "command"],
    ["spec.script.content", "command"],
    ["spec.script.interpreter", "script.interpreter"],
    ["spec.env.HOME", "env.1"],
    ["spec.env.OTHER", "env"],
    ["spec.constraints[0].key", "constraints"],
    ["spec.resources.gpu", "resources.gpu"],
  ])("at %s is said at the field %s", (field, shown) => {
    const { problems, rest } = atFields([{ field, message: "no" }], draft({ env }));
    expect(problems).toEqual({ [shown]: { text: "no" } });
    expect(rest).toEqual([]);
  });
  it("elsewhere is said for the whole form", () => {
    const error = { field: "queued_by", message: "no" };
    expect(atFields([error], EMPTY)).toEqual({ problems: {}, rest: [error] });
  });
});

describe("colours of a script", () => {
  it.each(["shell", "python", "javascript"] as const)("of %s lose no letter, whatever is typed", (tongue) => {
    for (const text of ['echo "open', "'''doc\n\"x", "`${a}` // c", "# only", "a=$((1+2)) ${x", "/* never", "1e5 0xff .5", "\\'"]) {
      expect(tokens(text, tongue).map((token) => token.text).join("")).toBe(text);
    }
  });
  it("tell comments, strings, variables and words apart", () => {
    const kinds = Object.fromEntries(tokens('for f in "$x"; do echo $f # note\ndone', "shell").map(({ kind, text }) => [text, kind]));
    expect(kinds).toMatchObject({ for: "keyword", '"$x"': "string", $f: "variable", "# note": "comment" });
  });
});
