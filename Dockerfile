# Builds the release binary, proves the baked policy, and ships both without a shell's worth of extras.
#   docker build -t adamant . && docker run --rm --read-only --cap-drop=ALL -p 8080:8080 adamant
FROM docker.io/library/rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc g++ cmake libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p adamant
# A policy that does not hold, or whose tests fail, is no image.
RUN ./target/release/adamant check --config crates/adamant/image/gateway.yaml \
 && ./target/release/adamant test --config crates/adamant/image/gateway.yaml

FROM docker.io/library/debian:bookworm-slim
LABEL org.opencontainers.image.title="Adamant" \
      org.opencontainers.image.description="A programmable edge API gateway with one immutable policy file" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/adamant /usr/local/bin/adamant
COPY --from=build /src/crates/adamant/image/ /etc/adamant/
USER 65532:65532
WORKDIR /etc/adamant
EXPOSE 8080
ENTRYPOINT ["adamant"]
CMD ["run", "--config", "/etc/adamant/gateway.yaml"]
