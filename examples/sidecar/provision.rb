# Accounts for the users of a directory, in Ruby: reads the changes of the service `headcount serve` at $URL, handles them, and acknowledges them.
# Needs no gems. README.md has the settings.
require 'erb'
require 'fileutils'
require 'json'
require 'net/http'

SERVICE = ENV['URL'] || abort('URL: expected the address of the service, such as http://127.0.0.1:8080')
CONSUMER = "#{SERVICE}/v1/consumers/accounts"
ACCOUNTS = ENV.fetch('ACCOUNTS', 'accounts')
WAIT = ENV['ONCE'] == '1' ? 0 : 30
FileUtils.mkdir_p(ACCOUNTS)
$stdout.sync = true

# An account is a file, named after the percent-encoded id of the user. A change can come again, so each function has the same effect when it is repeated.
def save(id, email)
  puts "save #{id} #{email}"
  File.write("#{ACCOUNTS}/#{id}.txt", "#{email}\n")
end

def close(id)
  puts "close #{id}"
  FileUtils.rm_f("#{ACCOUNTS}/#{id}.txt")
end

# A request that failed. `status` is 0 if there was no answer.
class Failed < StandardError
  attr_reader :status

  def initialize(status, text)
    super("a request failed with status #{status}: #{text}")
    @status = status
  end
end

def call(method, url, body = nil)
  headers = { 'content-type' => 'application/json' }
  headers['authorization'] = "Bearer #{ENV['HEADCOUNT_TOKEN']}" unless ENV['HEADCOUNT_TOKEN'].to_s.empty?
  uri = URI(url)
  begin
    answer = Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == 'https', open_timeout: 10, read_timeout: 90) do |http|
      http.send_request(method, uri.request_uri, body && JSON.generate(body), headers)
    end
  rescue StandardError => e
    raise Failed.new(0, e.message)
  end
  raise Failed.new(answer.code.to_i, answer.body) unless answer.is_a?(Net::HTTPSuccess)

  JSON.parse(answer.body) unless answer.is_a?(Net::HTTPNoContent)
rescue JSON::ParserError
  # Ruby does not report a connection that breaks within an answer.
  raise Failed.new(0, 'an answer is not complete')
end

# Closes the accounts of users who left before a snapshot: it has the current users only.
def sweep
  Dir.children(ACCOUNTS).map { |file| file.delete_suffix('.txt') }.each do |id|
    call('GET', "#{SERVICE}/v1/users/#{id}")
  rescue Failed => e
    e.status == 404 ? close(id) : raise
  end
end

def handle(change)
  return unless change['kind'].start_with?('user.')

  id = ERB::Util.url_encode(change['user']['id'])
  change['user']['active'] && change['kind'] != 'user.deleted' ? save(id, change['user']['email']) : close(id)
end

trimmed = swept = false
loop do
  call('POST', "#{CONSUMER}/snapshot") if trimmed
  swept = false if trimmed
  trimmed = false
  changes = call('GET', "#{CONSUMER}/changes?wait=#{WAIT}&limit=100")['items']
  exit if changes.empty? && WAIT.zero?
  # The numbers of a snapshot are negative.
  swept ||= sweep if changes.first&.fetch('seq')&.negative?
  changes.each do |change|
    handle(change)
    call('POST', "#{CONSUMER}/acknowledgement", { seq: change['seq'] })
  end
rescue Failed => e
  # 410: the next change is no longer kept, so the program goes on with a snapshot.
  trimmed = e.status == 410
  next if trimmed

  warn e.message
  exit 1 unless [0, 429].include?(e.status) || e.status >= 500
  sleep 1
end
