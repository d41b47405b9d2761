import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.util.List;

/** A MongoDB-protocol server over an H2 file. Arguments: file. Prints its address when it listens; ends when standard input ends. */
public final class Server {
  /** The driver talks to nothing older than 4.4 (wire version 9); the server itself says 8 at most. */
  private static final class FourFour implements MongoVersion {
    @Override
    public List<Integer> getVersionArray() {
      return List.of(4, 4, 0);
    }

    @Override
    public int getWireVersion() {
      return 9;
    }
  }

  public static void main(String[] arguments) throws Exception {
    MongoServer server = new MongoServer(new H2Backend(arguments[0]).version(new FourFour()));
    server.bind("127.0.0.1", 0);
    System.out.println("listening mongodb://127.0.0.1:" + server.getLocalAddress().getPort() + "/");
    while (System.in.read() >= 0) {
      // nothing is said to this server but its end
    }
    server.shutdownNow();
  }
}
