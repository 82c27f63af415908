import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { asCli, asCurl, asGrpcurl, cliCannot } from "@/form/commands";
import { OpenQuote, quote, quoteAll, split } from "@/form/shell";
import type { JobSpec } from "@/api/types";

/** What a real shell makes of a command, with functions in the place of the programs. */
function words(command: string): string[] {
  const script = `hodei() { for word; do printf '%s\\0' "$word"; done; }; curl() { hodei "$@"; }; grpcurl() { hodei "$@"; }\n${command}`;
  return execFileSync("/bin/sh", ["-c", script], { encoding: "utf8", env: {} }).split("\0").slice(0, -1);
}

const NASTY = ["it's", "", " two  spaces ", "$HOME `id` $(id)", 'say "hi"', "back\\slash", "new\nline", "-rf", "*", "ñandú", "a'b'c", "!x", "~"];

describe("quoting for a shell", () => {
  it.each(NASTY)("brings %j through a real shell as it is", (word) => {
    expect(words(`hodei ${quote(word)} end`)).toEqual([word, "end"]);
  });
  it("leaves plain words plain", () => expect(quoteAll(["echo", "a/b.c", "x=1"])).toBe("echo a/b.c x=1"));
  it("is undone by splitting", () => expect(split(quoteAll(NASTY))).toEqual(NASTY));
});

describe("splitting a line into words", () => {
  it.each(["a b", "'a b' c", `"a \\" b"c`, "a\\ b", `x"y"'z'`, "  ", `'' ""`, `"\\n"`, "a\\\nb", `"$"`])("%j is as a real shell does it", (line) => {
    expect(split(line)).toEqual(words(`hodei ${line}`));
  });
  it.each(["'open", '"open'])("refuses %j", (line) => expect(() => split(line)).toThrow(OpenQuote));
});

describe("a job as a command", () => {
  const full: JobSpec = {
    name: "it's a job",
    command: ["printf", "%s", "a b"],
    image: "alpine:3",
    pull: "never",
    user: "5:6",
    entrypoint: "image",
    env: { TOKEN: "a'b $c", EMPTY: "" },
    timeout_ms: 90_000,
    timeouts: { queue_ms: 1500, grace_ms: 5000 },
    resources: { cpu_cores: 0.5, memory_mib: 512, gpu: 1 },
    retry: { max_attempts: 3 },
    priority: "high",
    labels: { team: "data" },
    tags: ["x y"],
    constraints: [{ key: "zone", operator: "Eq", values: ["eu"] }],
  };

  it("of hodei has every option as a real shell reads it", () => {
    expect(words(asCli(full))).toEqual([
      "job", "queue", "--name", "it's a job", "--image", "alpine:3", "--pull", "never", "--user", "5:6", "--entrypoint", "image",
      "-e", "TOKEN=a'b $c", "-e", "EMPTY=", "--timeout", "1m30s", "--queue-timeout", "1500ms", "--grace", "5s",
      "--retry", "2", "--priority", "high", "--cpu", "0.5", "--memory", "512Mi", "--gpu", "1",
      "--require", "zone=eu", "--label", "team=data", "--tag", "x y", "--", "printf", "%s", "a b",
    ]);
  });

  it("of hodei gives a shell line as one word", () => {
    expect(words(asCli({ command: "echo 'hi' | wc && date" }))).toEqual(["job", "queue", "--shell", "echo 'hi' | wc && date"]);
  });

  it("of hodei sends a script as it is, even one that holds the usual ending", () => {
    const content = "print('$HOME')\nEND\n\\x";
    const command = asCli({ script: { interpreter: "python", content } });
    const got = execFileSync("/bin/sh", ["-c", `hodei() { cat; }\n${command}`], { encoding: "utf8", env: { PATH: "/bin:/usr/bin" } });
    expect(got).toBe(`${content}\n`);
    expect(command).toContain("--interpreter python");
  });

  it("of hodei says what it cannot say", () => {
    expect(cliCannot(full)).toEqual([]);
    expect(cliCannot({ retry: { max_attempts: 2, exit_codes: [1] }, max_budget: 3, constraints: [{ key: "n", operator: "Gt", values: ["1"] }] })).toEqual(["retry", "constraints", "max_budget"]);
  });

  it("of curl carries the spec exactly", () => {
    const got = words(asCurl(full, "http://h:3000", false));
    expect(got.slice(0, 4)).toEqual(["-sS", "-X", "POST", "http://h:3000/api/v1/jobs"]);
    expect(JSON.parse(got.at(-1)!)).toEqual({ spec: full });
  });

  it("never has a token in it, only the variable's name", () => {
    expect(asCurl(full, "http://h", true)).toContain('"Authorization: Bearer $HODEI_TOKEN"');
    expect(asGrpcurl(full, true)).toContain('"authorization: Bearer $HODEI_TOKEN"');
  });

  it("of grpcurl speaks the other names of the fields", () => {
    const got = words(asGrpcurl(full, false));
    expect(got.slice(-2)).toEqual(["127.0.0.1:50051", "hodei.JobExecutionService/QueueJob"]);
    expect(JSON.parse(got[got.indexOf("-d") + 1]!)).toEqual({
      job_definition: {
        name: "it's a job",
        command: "printf",
        arguments: ["%s", "a b"],
        environment: full.env,
        image: "alpine:3",
        pull: "IMAGE_PULL_POLICY_NEVER",
        user: "5:6",
        entrypoint: "image",
        requirements: { cpu_cores: 0.5, memory_bytes: 536_870_912, gpu_count: 1 },
        scheduling: { priority: "PRIORITY_HIGH" },
        timeout: { execution_timeout: "90s", cleanup_timeout: "5s", queue_timeout: "1.5s" },
        retry: { max_attempts: 3 },
        constraints: full.constraints,
        labels: full.labels,
        tags: ["x y"],
      },
    });
  });
});
