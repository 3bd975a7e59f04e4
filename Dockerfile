# The server in a container: docker build -t nsarm . && docker run -p 8080:8080 -e NSARM_TOKEN -v nsarm:/data nsarm
# Documentation/installation.md says more.
FROM swift:6.3-bookworm AS build
# What scripts/setup would install, and patchelf. Versions are those of the release that the image is made of.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends \
    git libgloo-dev libsentencepiece-dev libvips-dev make patchelf pkg-config python3-pip \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /source
# libtorch first: it is fetched again only when these files change.
COPY scripts/setup scripts/unpack-libtorch scripts/
RUN scripts/setup
COPY . .
RUN make build \
  && scripts/package dist \
  && mkdir /opt/nsarm \
  && tar -xzf dist/nsarm-*.tar.gz --strip-components=1 -C /opt/nsarm

FROM debian:bookworm-slim
# For servers that caption pictures (https), and for the check of health.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates curl \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --uid 10001 --create-home nsarm \
  && install --directory --owner=nsarm --group=nsarm /data
COPY --from=build /opt/nsarm /opt/nsarm
ENV PATH=/opt/nsarm/bin:$PATH
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
# Until the model is loaded the server is not ready.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["nsarm"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
