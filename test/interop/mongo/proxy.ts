import { connect, createServer, type Socket } from "node:net";

/** What the proxy does with connections and bytes. */
export type Weather =
  | { readonly kind: "fair" }
  | { readonly kind: "refuse" }
  /** Nothing passes any more in either direction, but connections stay open. */
  | { readonly kind: "stall" }
  /** Connections are cut when the client has sent so many bytes more. */
  | { readonly kind: "cut"; bytesLeft: number };

export interface WeatherProxy extends AsyncDisposable {
  readonly uri: string;
  weather: Weather;
}

/** A TCP proxy on this machine in front of a server on this machine, with bad weather on demand. */
export async function startProxy(target: string): Promise<WeatherProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const state: { weather: Weather } = { weather: { kind: "fair" } };
  const server = createServer((client) => {
    if (state.weather.kind === "refuse") return void client.destroy();
    const upstream = connect(Number(port), hostname);
    const both = [client, upstream];
    for (const socket of both) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()); // a cut line is what these tests are about
      socket.on("close", () => {
        sockets.delete(socket);
        for (const other of both) other.destroy();
      });
    }
    client.on("data", (bytes) => {
      const { weather } = state;
      if (weather.kind === "fair") upstream.write(bytes);
      if (weather.kind !== "cut") return;
      upstream.write(bytes.subarray(0, Math.max(0, weather.bytesLeft)));
      weather.bytesLeft -= bytes.byteLength;
      if (weather.bytesLeft <= 0) for (const socket of both) socket.destroy();
    });
    upstream.on("data", (bytes) => void (state.weather.kind !== "stall" && client.write(bytes)));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    uri: `mongodb://127.0.0.1:${address.port}/`,
    get weather() {
      return state.weather;
    },
    set weather(weather) {
      state.weather = weather;
      if (weather.kind === "refuse") for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
