import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.MessageBuilder;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/** Send each kind of message with Segment's SDK for Java. The gateway is where GATEWAY_URL says. */
public class Send {
  public static void main(String[] arguments) throws InterruptedException {
    var gateway = System.getenv().getOrDefault("GATEWAY_URL", "http://localhost:8088");
    var order = Map.of("revenue", 19.99, "currency", "USD", "items", List.of("hat", "shoes"));
    var messages =
        List.<MessageBuilder<?, ?>>of(
            IdentifyMessage.builder().userId("u-1").traits(Map.of("plan", "pro")),
            TrackMessage.builder("Order Completed")
                .userId("u-1")
                .properties(order)
                .timestamp(Date.from(Instant.parse("2026-01-31T09:00:00.123Z")))
                .context(Map.of("ip", "192.0.2.10"))
                .enableIntegration("All", true),
            GroupMessage.builder("g-1").userId("u-1").traits(Map.of("employees", 20)),
            AliasMessage.builder("a-1").userId("u-1"),
            PageMessage.builder("Pricing").anonymousId("a-1").properties(Map.of("path", "/prices")),
            ScreenMessage.builder("Cart").userId("u-1").properties(Map.of("items", 2)));

    var open = new CountDownLatch(messages.size());
    var analytics =
        Analytics.builder("segment").endpoint(gateway).callback(new Report(open)).build();
    messages.forEach(analytics::enqueue);
    analytics.flush();
    open.await(); // `shutdown` alone waits one second, and no retry is that fast.
    analytics.shutdown();
  }

  /** Print what has become of each message. */
  record Report(CountDownLatch open) implements Callback {
    @Override
    public void success(Message message) {
      print("accepted", message);
    }

    @Override
    public void failure(Message message, Throwable error) {
      print("failed (" + error.getMessage() + ")", message);
    }

    private void print(String outcome, Message message) {
      System.out.println(outcome + ": " + message.type() + " " + message.messageId());
      open.countDown();
    }
  }
}
