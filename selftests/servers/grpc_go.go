// SPDX-License-Identifier: GPL-2.0-only

// Client and server of grpc-go, as ../../grpc_peer.py is of gRPC's C core: the same methods, cases
// and answers, with plain bytes as messages.
//
//	peer server PORT NAME LOG     cancelled calls are told to LOG
//	peer client TARGET CASE       prints what came of it
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	service = "l7fp.Echo"
	big     = 10 << 20
	room    = big + 1024
)

// Messages are bytes already.
type plain struct{}

func (plain) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (plain) Unmarshal(data []byte, v any) error { *v.(*[]byte) = append([]byte{}, data...); return nil }
func (plain) Name() string                       { return "plain" }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// ---- the server

type server struct{ name, log string }

func (s *server) tell(stream grpc.ServerStream) {
	stream.SetTrailer(metadata.Pairs("server", s.name))
}

func receive(stream grpc.ServerStream) ([]byte, error) {
	var message []byte
	err := stream.RecvMsg(&message)
	return message, err
}

func send(stream grpc.ServerStream, message []byte) error {
	return stream.SendMsg(&message)
}

func (s *server) unary(stream grpc.ServerStream) error {
	message, err := receive(stream)
	if err != nil {
		return err
	}
	return send(stream, message)
}

func (s *server) slow(stream grpc.ServerStream) error {
	time.Sleep(3 * time.Second)
	return s.unary(stream)
}

func (s *server) serverStream(stream grpc.ServerStream) error {
	message, err := receive(stream)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(message))
	for i := 0; i < n; i++ {
		if err := send(stream, []byte(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) clientStream(stream grpc.ServerStream) error {
	total := 0
	for {
		message, err := receive(stream)
		if err == io.EOF {
			return send(stream, []byte(strconv.Itoa(total)))
		}
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(message))
		total += n
	}
}

func (s *server) both(stream grpc.ServerStream) error {
	for {
		message, err := receive(stream)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = send(stream, bytes.Repeat(message, 2))
		}
		if err != nil {
			return err
		}
	}
}

func (s *server) endless(stream grpc.ServerStream) error {
	for stream.Context().Err() == nil {
		if send(stream, []byte("x")) != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	f, err := os.OpenFile(s.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(err)
	fmt.Fprintln(f, "cancelled")
	return f.Close()
}

func serve(port, name, log string) {
	s := &server{name, log}
	kinds := map[string]func(grpc.ServerStream) error{
		"Unary": s.unary, "Secret": s.unary, "Slow": s.slow, "ServerStream": s.serverStream,
		"ClientStream": s.clientStream, "Both": s.both, "Endless": s.endless,
	}
	handler := func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		kind, there := kinds[strings.TrimPrefix(method, "/"+service+"/")]
		if !there {
			return status.Error(codes.Unimplemented, "no method "+method)
		}
		s.tell(stream)
		return kind(stream)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	must(err)
	must(grpc.NewServer(grpc.UnknownServiceHandler(handler), grpc.ForceServerCodec(plain{}),
		grpc.MaxRecvMsgSize(room), grpc.MaxSendMsgSize(room),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: 500 * time.Millisecond, PermitWithoutStream: true})).Serve(listener))
}

// ---- the client

func path(method string) string { return "/" + service + "/" + method }

func within(seconds int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
}

func call(c *grpc.ClientConn, method string, message []byte, seconds int,
	options ...grpc.CallOption) ([]byte, error) {
	var answer []byte
	ctx, cancel := within(seconds)
	defer cancel()
	err := c.Invoke(ctx, method, &message, &answer, options...)
	return answer, err
}

func balance(c *grpc.ClientConn) string {
	count := map[string]int{}
	for i := 0; i < 30; i++ {
		var trailer metadata.MD
		_, err := call(c, path("Unary"), []byte("x"), 60, grpc.Trailer(&trailer))
		must(err)
		count[strings.Join(trailer["server"], ",")]++
	}
	var words []string
	for name, n := range count {
		words = append(words, fmt.Sprintf("%s=%d", name, n))
	}
	sort.Strings(words)
	return strings.Join(words, " ")
}

func open(ctx context.Context, c *grpc.ClientConn, method string) grpc.ClientStream {
	stream, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
		path(method))
	must(err)
	return stream
}

func put(stream grpc.ClientStream, text string) {
	message := []byte(text)
	must(stream.SendMsg(&message))
}

// get returns the next message; false at the end of the stream.
func get(stream grpc.ClientStream) (string, bool) {
	var message []byte
	err := stream.RecvMsg(&message)
	if err == io.EOF {
		return "", false
	}
	must(err)
	return string(message), true
}

func rest(stream grpc.ClientStream) string {
	text := ""
	for {
		message, more := get(stream)
		if !more {
			return text
		}
		text += message
	}
}

func streams(c *grpc.ClientConn) string {
	ctx, cancel := within(60)
	defer cancel()
	one := open(ctx, c, "ServerStream")
	put(one, "5")
	must(one.CloseSend())
	got := rest(one)
	many := open(ctx, c, "ClientStream")
	for i := 0; i < 100; i++ {
		put(many, strconv.Itoa(i))
	}
	must(many.CloseSend())
	total := rest(many)
	both := open(ctx, c, "Both")
	var answers []string
	for i := 0; i < 10; i++ {
		put(both, strconv.Itoa(i))
		answer, _ := get(both)
		answers = append(answers, answer)
	}
	must(both.CloseSend())
	return fmt.Sprintf("%s %s %s%s", got, total, strings.Join(answers, ","), rest(both))
}

func bigMessage(c *grpc.ClientConn) string {
	message := make([]byte, big)
	for i := range message {
		message[i] = byte(i)
	}
	answer, err := call(c, path("Unary"), message, 240)
	must(err)
	if bytes.Equal(answer, message) {
		return "True"
	}
	return "False"
}

func many(c *grpc.ClientConn) string {
	var failed int32
	var wait sync.WaitGroup
	turn := make(chan struct{}, 20)
	for i := 0; i < 500; i++ {
		wait.Add(1)
		turn <- struct{}{}
		go func(text string) {
			answer, err := call(c, path("Unary"), []byte(text), 120)
			if err != nil || string(answer) != text {
				fmt.Fprintln(os.Stderr, "call", text, err)
				atomic.AddInt32(&failed, 1)
			}
			<-turn
			wait.Done()
		}(strconv.Itoa(i))
	}
	wait.Wait()
	return strconv.Itoa(int(failed))
}

func cancelled(c *grpc.ClientConn) string {
	ctx, cancel := within(60)
	stream := open(ctx, c, "Endless")
	put(stream, "")
	must(stream.CloseSend())
	n := 0
	for ; n < 3; n++ {
		if _, more := get(stream); !more {
			break
		}
	}
	cancel()
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			return fmt.Sprintf("%d %s", n, name(err))
		}
	}
}

// name is how the C core writes the status.
func name(err error) string {
	names := map[codes.Code]string{
		codes.OK: "OK", codes.Canceled: "CANCELLED", codes.DeadlineExceeded: "DEADLINE_EXCEEDED",
		codes.PermissionDenied: "PERMISSION_DENIED", codes.Unimplemented: "UNIMPLEMENTED",
		codes.Unavailable: "UNAVAILABLE",
	}
	if text, there := names[status.Code(err)]; there {
		return text
	}
	return status.Code(err).String()
}

func said(c *grpc.ClientConn, method string, seconds int) (string, error) {
	_, err := call(c, method, []byte("x"), seconds)
	return name(err), err
}

func ask(target, what string) string {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(plain{}), grpc.MaxCallRecvMsgSize(room),
			grpc.MaxCallSendMsgSize(room)),
	}
	if what == "idle" {
		// Not shorter than this, whatever is asked for.
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 10 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}))
	}
	c, err := grpc.Dial(target, options...)
	must(err)
	defer c.Close()
	switch what {
	case "balance":
		return balance(c)
	case "streams":
		return streams(c)
	case "big":
		return bigMessage(c)
	case "many":
		return many(c)
	case "cancel":
		return cancelled(c)
	case "idle":
		first, _ := said(c, path("Unary"), 60)
		time.Sleep(25 * time.Second)
		second, _ := said(c, path("Unary"), 60)
		return first + " " + second
	case "deadline":
		text, _ := said(c, path("Slow"), 1)
		return text
	case "denied":
		text, err := said(c, path("Secret"), 60)
		return text + ": " + status.Convert(err).Message()
	case "unrouted":
		text, _ := said(c, "/other.Service/Unary", 60)
		return text
	}
	must(fmt.Errorf("no case '%s'", what))
	return ""
}

func main() {
	switch {
	case len(os.Args) == 5 && os.Args[1] == "server":
		serve(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 4 && os.Args[1] == "client":
		fmt.Println(ask(os.Args[2], os.Args[3]))
	default:
		fmt.Fprintln(os.Stderr, "usage: peer server PORT NAME LOG | peer client TARGET CASE")
		os.Exit(2)
	}
}
