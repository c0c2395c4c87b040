// JSch against the server of the tests: JschClient HOST PORT USER PASSWORD KEX LOCAL REMOTE BACK.
// Uploads LOCAL as REMOTE and downloads it as BACK, with that one key exchange; a second exchange comes between.
import com.jcraft.jsch.ChannelSftp;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.Session;

public class JschClient {
    public static void main(String[] arguments) throws Exception {
        Session session = new JSch().getSession(arguments[2], arguments[0], Integer.parseInt(arguments[1]));
        session.setPassword(arguments[3]);
        session.setConfig("StrictHostKeyChecking", "no");
        session.setConfig("kex", arguments[4]);
        session.connect(30_000);
        try {
            ChannelSftp sftp = (ChannelSftp) session.openChannel("sftp");
            sftp.connect(30_000);
            sftp.put(arguments[5], arguments[6]);
            session.rekey();
            sftp.get(arguments[6], arguments[7]);
        } finally {
            session.disconnect();
        }
    }
}
