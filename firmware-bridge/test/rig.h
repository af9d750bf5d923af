/**
 * A device on a rig: its stream, its clock and its chance are in the hands of the test. Nothing here waits, and the
 * same test gives the same bytes every time. Uses the public header alone.
 */
#ifndef RIG_H
#define RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "fedmote.h"

/** What the device is given. */
typedef struct {
    uint32_t incomingBytes;
    uint32_t outgoingBytes;
    uint32_t memoryBytes;
    uint32_t features;
    /** Labels are class indices below this; 1: they are real numbers. */
    uint32_t classes;
    uint32_t rows;
    uint32_t testRows;
    /** Everything, rather than what a small image has. */
    bool all;
    /** Whether it has a user's name and a password for the broker. */
    bool login;
    /** One of its samples has a value that is no number. */
    bool broken;
    /** Its owner's say. */
    bool unwilling;
} rig_setup_t;

/** The stream, as the test has it. */
typedef struct {
    /** What open() says. */
    fm_result_t open;
    /** Most bytes that one read, or one write, takes; below 0: the stream has ended. */
    int32_t readMost;
    int32_t writeMost;
    /** How often it was opened, and reset. */
    uint32_t opened;
    uint32_t resets;
    /** What the broker has sent, and the device has not read. */
    uint8_t *toDevice;
    uint32_t toDeviceBytes;
    /** Where that begins. */
    uint32_t read;
    /** What the device has written, and the test has not taken. */
    uint8_t *toBroker;
    uint32_t toBrokerBytes;
} rig_stream_t;

typedef struct {
    rig_setup_t setup;
    rig_stream_t stream;
    fm_port_t port;
    fm_device_options_t options;
    fm_device_t device;
    /** It leaves: fm_device_leave() in place of fm_device_poll(). */
    bool leaving;
    /** The clock; a call of it takes a little time itself. */
    uint32_t nowMs;
    uint32_t calls;
    uint32_t chance;
    void *memory;
    void *order;
    void *incoming;
    void *outgoing;
} rig_t;

/** Makes a device; `event` (may be NULL) gets the rig as its context. Its buffers are exactly as large as they are said to be. */
fm_result_t rig_begin(rig_t *rig, const rig_setup_t *setup, void (*event)(void *context, const fm_event_t *event));

void rig_end(rig_t *rig);

/** What the broker says next. */
void rig_feed(rig_t *rig, const uint8_t *bytes, uint32_t size);

/** Forgets what the device has written. */
void rig_taken(rig_t *rig);

/**
 * Polls until `ms` have passed, the device has ended, or it has written, opened or reset something; when it has nothing to do
 * the clock goes on. Returns what the last poll said.
 */
fm_result_t rig_run(rig_t *rig, uint32_t ms);

#endif
