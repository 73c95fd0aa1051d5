# CDT: one binary, with ssh and rsync beside it.
#
#   docker build -t cdt .
#   docker build -t cdt --build-arg VERSION=1.2.3 .
FROM golang:1.26.0-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.programVersion=${VERSION}" -o /out/dtctl ./cmd/dtctl

FROM debian:12.11-slim
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends ca-certificates openssh-client openssh-server openssl rsync \
 && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_* \
 && useradd --uid 10001 --user-group --create-home --home-dir /home/cdt --shell /bin/sh cdt \
 && mkdir -p /data /var/lib/cdt /etc/cdt /run/keys /opt/site/bin \
 && chown cdt:cdt /data /var/lib/cdt
COPY --from=build /out/dtctl /usr/local/bin/dtctl
# A site puts its own bbcp here (a volume, or an image built on this one).
ENV PATH=/opt/site/bin:/usr/local/bin:/usr/bin:/bin
USER cdt
WORKDIR /var/lib/cdt
EXPOSE 8080
ENTRYPOINT ["dtctl"]
CMD ["--help"]
