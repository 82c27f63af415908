# The image for jobs that name none: a plain Debian with what scripts expect. Nothing of Hodei is in it, since the agent
# comes along by itself; take it as a start for an image of your own. Build it with scripts/docker/build-worker-image.sh:
#
#   scripts/docker/build-worker-image.sh -t hodei-worker:latest
#
# BASE may be any image of Debian or Ubuntu. No syntax that only BuildKit knows.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE}
RUN python=$(python3 -c 'import asyncio, ssl' 2>/dev/null || echo python3 python3-venv) \
    && apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        bash ca-certificates coreutils curl git procps $python \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
# Jobs are not root. The home directory is theirs, and where they start.
RUN groupadd --gid 65532 job \
    && useradd --uid 65532 --gid job --create-home --shell /bin/bash job
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hodei-worker" \
      org.opencontainers.image.description="Image of the Hodei job platform for jobs that name none" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
WORKDIR /home/job
CMD ["bash"]
