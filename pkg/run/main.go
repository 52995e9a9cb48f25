package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/hugepage"
	"fondaco.dev/pkg/zlog"
)

// Main is the whole of a service's main function: settings from the
// environment, a logger, and serve until SIGINT or SIGTERM. A second signal
// ends the process at once. Exit codes: 0 stopped, 1 failed, 2 bad settings.
//
// With the one argument "healthcheck" it asks the service that runs beside it
// whether it is ready (see Healthcheck) and exits with 0 or 1: an image without
// a shell has nothing else to ask with.
//
// threads is how the kernel is to treat the service's threads.
func Main[C any](service string, threads Threads, load func(env.Lookup) (C, error), serve func(context.Context, C, *zlog.Logger) error) {
	if len(os.Args) == 2 && os.Args[1] == "healthcheck" {
		if err := Healthcheck(context.Background(), os.Getenv("FONDACO_ADMIN_ADDR")); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", service, err)
			os.Exit(1)
		}
		return
	}
	SetThreads(threads)
	cfg, err := load(os.LookupEnv)
	reader := env.New(os.LookupEnv)
	logCfg, huge := zlog.ConfigFromEnv(reader), hugepage.HeapFromEnv(reader)
	if err := errors.Join(err, reader.Err()); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", service, err)
		os.Exit(2)
	}
	log, err := zlog.New(logCfg, service, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", service, err)
		os.Exit(2)
	}
	huge.Set()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := serve(ctx, cfg, log); err != nil {
		log.Error("stopped", zap.Error(err))
		os.Exit(1)
	}
}
