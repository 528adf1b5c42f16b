/**
 * Calls that are tried again after their connection was closed. The client's own retry sleeps and then calls; on a closed
 * channel grpc-js throws from that timer, where nobody catches it, and the process would end. Here such a call ends cancelled.
 */
import { InterceptingCall, type Interceptor, Metadata, status } from '@grpc/grpc-js';

type Call = ConstructorParameters<typeof InterceptingCall>[0];

/** For inside the retrying interceptor: what is thrown becomes the call's status, which is not tried again. */
export const endWithChannel: Interceptor = (options, nextCall) => {
  try {
    return new InterceptingCall(nextCall(options));
  } catch (error) {
    return new InterceptingCall(endedCall(error instanceof Error ? error.message : String(error)));
  }
};

const nothing = () => undefined;

function endedCall(details: string): Call {
  return {
    start: (_metadata, listener) =>
      // A listener may not be called before `start` returned.
      process.nextTick(() => {
        listener?.onReceiveMessage?.(null);
        listener?.onReceiveStatus?.({ code: status.CANCELLED, details, metadata: new Metadata() });
      }),
    sendMessage: nothing,
    sendMessageWithContext: nothing,
    halfClose: nothing,
    startRead: nothing,
    cancelWithStatus: nothing,
    getPeer: () => '',
    getAuthContext: () => null,
  };
}
