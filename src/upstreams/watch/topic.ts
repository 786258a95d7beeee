import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns'
import type { Call } from '../../call.js'
import { callAws } from '../aws-call.js'

/** What is sent to a topic, and by it to people. */
export interface Message {
  /** One line of ASCII, of at most 100 characters. */
  readonly subject: string
  readonly text: string
}

export type Publish = (message: Message, call: Call) => Promise<void>

/** Publishes to one topic; needs `sns:Publish` on it. What got lost on its way is sent again, so a message may come twice. */
export function createPublish(client: SNSClient, topicArn: string): Publish {
  return async ({ subject, text }, call) => {
    const command = new PublishCommand({ TopicArn: topicArn, Subject: subject, Message: text })
    await callAws('sns', call, undefined, (options) => client.send(command, options))
  }
}
