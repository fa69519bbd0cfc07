# syntax=docker/dockerfile:1
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# Without its build file the program takes itself for installed and compiles nothing when it starts.
RUN npm run build \
  && npm prune --omit=dev --no-audit --no-fund \
  && rm -f tsconfig.json tsconfig.build.json
# The bridge to Temporal comes for all platforms, at 30 MB each; this image runs on one.
RUN case "$(uname -m)" in x86_64) keep=x86_64-unknown-linux-gnu ;; *) keep=aarch64-unknown-linux-gnu ;; esac \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 -type d ! -name "$keep" -exec rm -rf {} +

FROM node:20-bookworm-slim
# ffmpeg makes posters; without it clips have none.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ffmpeg \
  && rm -rf /var/lib/apt/lists/* \
  && install -d -o node -g node /data
WORKDIR /app
COPY --from=build /app ./
USER node
ENV NODE_ENV=production CLIPYARD_HOST=0.0.0.0 CLIPYARD_DATA_DIR=/data
VOLUME /data
EXPOSE 8787
# Exec form: Node is the process that is told to stop, and drains.
ENTRYPOINT ["node", "bin/clipyard.js"]
CMD ["serve"]
